package io.holdfast.cli;

import io.holdfast.kernels.Precision;
import java.util.Arrays;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** "fp32" and "bf16-gemm". */
public final class PrecisionConverter implements ITypeConverter<Precision> {

  @Override
  public Precision convert(String text) {
    return Arrays.stream(Precision.values())
        .filter(precision -> precision.toString().equals(text.replace('_', '-')))
        .findFirst()
        .orElseThrow(() -> new TypeConversionException("'" + text + "' is not fp32 or bf16-gemm"));
  }
}
