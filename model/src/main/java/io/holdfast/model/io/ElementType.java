package io.holdfast.model.io;

import java.nio.ByteBuffer;

/** Element types of the safetensors format; those of real numbers convert to fp32. */
enum ElementType {
  BOOL(8),
  U8(8),
  I8(8),
  I16(16),
  U16(16),
  I32(32),
  U32(32),
  I64(64),
  U64(64),
  C64(64),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  F16(16),
  BF16(16),
  F32(32),
  F64(64);

  private final int bits;

  ElementType(int bits) {
    this.bits = bits;
  }

  int bits() {
    return bits;
  }

  boolean real() {
    return this == F16 || this == BF16 || this == F32 || this == F64;
  }

  /** Converts what remains in {@code from} (little endian) into {@code to} from {@code at} on. */
  void convert(ByteBuffer from, float[] to, int at) {
    int count = from.remaining() / (bits / 8);
    switch (this) {
      case F32 -> from.asFloatBuffer().get(to, at, count);
      case F64 -> {
        for (int i = 0; i < count; i++) {
          to[at + i] = (float) from.getDouble();
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          to[at + i] = Float.intBitsToFloat(from.getShort() << 16);
        }
      }
      case F16 -> {
        for (int i = 0; i < count; i++) {
          to[at + i] = half(from.getShort());
        }
      }
      default -> throw new IllegalArgumentException(this + " is not a type of real numbers");
    }
  }

  /** IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 of fraction. */
  static float half(short bits) {
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    float magnitude;
    if (exponent == 0) {
      magnitude = fraction * 0x1p-24f;
    } else if (exponent == 31) {
      magnitude = fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
    } else {
      magnitude = Float.intBitsToFloat(exponent + 112 << 23 | fraction << 13);
    }
    return bits < 0 ? -magnitude : magnitude;
  }
}
