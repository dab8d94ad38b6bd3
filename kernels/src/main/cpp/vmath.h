// exp, tanh and the normal distribution as branch-free polynomials that vectorise; NaN stays NaN. Largest relative errors:
// exp 0.84e-7, tanh 1.6e-7, Φ(−a) 3.8e-7 for a < 1, 7e-7 for a < 5, 4e-6 at a = 12. Largest absolute errors of what is
// made of them: gelu 3.8e-7, its derivative 2e-7.
#pragma once

#include <cmath>
#include <cstring>

#include "common.h"

INLINE float fromBits(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

INLINE int32_t toBits(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// e^x = 2^n · e^r, |r| ≤ ln2 / 2. 0 below −87.7 and infinite above 88.4.
INLINE float fastExp(float x) {
  const float shift = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer, which its low bits then hold
  x = x < -88.0f ? -88.0f : x;
  x = x > 89.0f ? 89.0f : x;
  float shifted = x * 1.44269504f + shift;
  float n = shifted - shift;
  float r = x - n * 0.693145752f - n * 1.42860677e-6f;  // ln 2 in two parts
  float p = 1.3814467e-3f;
  p = p * r + 8.3687804e-3f;
  p = p * r + 4.1668394e-2f;
  p = p * r + 1.6666520e-1f;
  p = p * r + 4.9999993e-1f;
  p = p * r * r + r + 1.0f;
  int32_t exponent = toBits(shifted) - toBits(shift) + 127;
  return p * fromBits((int32_t)((uint32_t)exponent << 23));
}

// tanh: odd polynomial for small x, 1 − 2 / (e^2|x| + 1) otherwise.
INLINE float fastTanh(float x) {
  float z = x * x;
  float p = 1.62329201e-2f;
  p = p * z - 5.25651205e-2f;
  p = p * z + 1.33190793e-1f;
  p = p * z - 3.33328764e-1f;
  float near = p * z * x + x;
  float a = fabsf(x);
  float far = copysignf(1.0f - 2.0f / (fastExp(2.0f * a) + 1.0f), x);
  return a < 0.5625f ? near : (a >= 0.5625f ? far : x);
}

// Φ(−|t|) and e^(−t²/2) at once: Φ(−a) = e^(−a²/2) · u · P(u), u = 1 / (1 + 0.35 a).
INLINE float lowerTail(float t, float* bell) {
  float a = fabsf(t);
  float u = 1.0f / (1.0f + 0.35f * a);
  float p = -2.9145918e-2f;
  p = p * u + 1.43971637e-1f;
  p = p * u - 2.55714129e-1f;
  p = p * u + 1.59174018e-1f;
  p = p * u - 2.31097384e-2f;
  p = p * u + 1.05507964e-1f;
  p = p * u + 1.19832877e-1f;
  p = p * u + 1.39861868e-1f;
  p = p * u + 1.39621404e-1f;
  *bell = fastExp(-0.5f * a * a);
  return p * u * *bell;
}

INLINE float normalCdf(float t, float* bell) {
  float tail = lowerTail(t, bell);
  return t > 0 ? 1.0f - tail : tail;
}
