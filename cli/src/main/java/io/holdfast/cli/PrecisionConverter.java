package io.holdfast.cli;

import io.holdfast.kernels.Precision;
import java.util.Arrays;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A precision by its name. */
public final class PrecisionConverter implements ITypeConverter<Precision> {

  @Override
  public Precision convert(String text) {
    return Arrays.stream(Precision.values())
        .filter(precision -> precision.toString().equals(text.replace('_', '-')))
        .findFirst()
        .orElseThrow(
            () ->
                new TypeConversionException(
                    "'" + text + "' is not one of " + Arrays.toString(Precision.values())));
  }
}
