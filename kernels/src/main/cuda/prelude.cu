// What every kernel shares. No header is included, so that NVRTC compiles these files, joined in one, as they are. Files
// that name a type Hidden are there once for each type that hidden states have: float, Bf16, F16.

typedef unsigned int Word;
typedef long long Long;

// A block has at most so many threads: the compiler then takes no more registers than are there for them.
#define KERNEL extern "C" __global__ void __launch_bounds__(256)
#define HEAD_KERNEL extern "C" __global__ void __launch_bounds__(128)
#define WIDE_KERNEL extern "C" __global__ void __launch_bounds__(1024)
#define DEVICE static __device__ __forceinline__

// The shared memory of a launch: all that a kernel has.
#ifndef EMULATED
extern __shared__ __align__(16) unsigned char sharedMemory[];
#endif
template <class T>
DEVICE T* sharedAs() {
  return reinterpret_cast<T*>(sharedMemory);
}

static const int WARP = 32;
static const Word ALL_LANES = 0xFFFFFFFFu;

// What the word for faults becomes when an index names nothing; nothing is read or written for it.
static const int BAD_ID = 1, BAD_SEQUENCE = 2;

DEVICE int least(int a, int b) { return a < b ? a : b; }
DEVICE float notANumber() { return __int_as_float(0x7FC00000); }

// Numbers of 16 bits: in memory alone, all arithmetic is in fp32. Rounded to nearest, ties to even; a NaN stays one.
struct Bf16 {
  unsigned short bits;
};
struct F16 {
  unsigned short bits;
};

DEVICE float real(float x) { return x; }
DEVICE float real(Bf16 h) { return __int_as_float((int)((Word)h.bits << 16)); }
#ifdef EMULATED
DEVICE float real(F16 h) { return emulation::fromF16(h.bits); }
DEVICE unsigned short roundedBits(float x, Bf16) { return emulation::toBf16(x); }
DEVICE unsigned short roundedBits(float x, F16) { return emulation::toF16(x); }
#else
DEVICE float real(F16 h) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h.bits));
  return x;
}
DEVICE unsigned short roundedBits(float x, Bf16) {
  unsigned short bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
DEVICE unsigned short roundedBits(float x, F16) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
#endif
DEVICE void store(float* p, float x) { *p = x; }
template <class Half>
DEVICE void store(Half* p, float x) {
  p->bits = roundedBits(x, Half());
}

// Number of this thread in the launch.
DEVICE Word globalThread() { return blockIdx.x * blockDim.x + threadIdx.x; }

// Four neighbours.
struct Quad {
  float at[4];
};

DEVICE Word quads(int cols) { return ((Word)cols + 3) / 4; }

// Whether quads of a row lie at multiples of 16 bytes and have no end of their own; the pointers' bits are joined by |.
DEVICE bool wholeQuads(Long cols, Long pointers) { return cols % 4 == 0 && pointers % 16 == 0; }
DEVICE Long bits(const void* pointer) { return (Long)pointer; }

DEVICE Quad wholeQuad(const float* p) {
  float4 v = *(const float4*)p;
  Quad q = {{v.x, v.y, v.z, v.w}};
  return q;
}

// In one access of eight bytes.
template <class Half>
DEVICE Quad wholeQuad(const Half* p) {
  struct alignas(8) Four {
    Half at[4];
  } v = *(const Four*)p;
  Quad q = {{real(v.at[0]), real(v.at[1]), real(v.at[2]), real(v.at[3])}};
  return q;
}

DEVICE void storeWholeQuad(float* p, const Quad& q) { *(float4*)p = make_float4(q.at[0], q.at[1], q.at[2], q.at[3]); }

template <class Half>
DEVICE void storeWholeQuad(Half* p, const Quad& q) {
  struct alignas(8) Four {
    Half at[4];
  } v;
#pragma unroll
  for (int k = 0; k < 4; k++) store(&v.at[k], q.at[k]);
  *(Four*)p = v;
}

// The first n, at most four, of p; 0 for the rest.
template <class T>
DEVICE Quad loadQuad(const T* p, Long n, bool whole) {
  if (whole && n > 0) return wholeQuad(p);
  Quad q = {{0, 0, 0, 0}};
#pragma unroll
  for (int k = 0; k < 4; k++) {
    if (k < n) q.at[k] = real(p[k]);
  }
  return q;
}

template <class T>
DEVICE void storeQuad(T* p, const Quad& q, Long n, bool whole) {
  if (whole && n > 0) {
    storeWholeQuad(p, q);
  } else {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (k < n) store(p + k, q.at[k]);
    }
  }
}

// Sixteen columns of a row that take all words of four counters: at[4w + k] is column c + 8w + k. Two units are 32 columns.
struct Unit {
  float at[16];
};

DEVICE Word units(int cols) { return ((Word)cols + 31) / 32 * 2; }
DEVICE int unitColumn(Word unit) { return (int)(unit / 2 * 32 + unit % 2 * 4); }

template <class T>
DEVICE Unit loadUnit(const T* row, int c, int cols, bool whole) {
  Unit unit;
#pragma unroll
  for (int w = 0; w < 4; w++) {
    Quad q = loadQuad(row + c + 8 * w, cols - c - 8 * w, whole);
#pragma unroll
    for (int k = 0; k < 4; k++) unit.at[4 * w + k] = q.at[k];
  }
  return unit;
}

template <class T>
DEVICE void storeUnit(T* row, const Unit& unit, int c, int cols, bool whole) {
#pragma unroll
  for (int w = 0; w < 4; w++) {
    Quad q = {{unit.at[4 * w], unit.at[4 * w + 1], unit.at[4 * w + 2], unit.at[4 * w + 3]}};
    storeQuad(row + c + 8 * w, q, cols - c - 8 * w, whole);
  }
}

DEVICE bool inRow(int c, int i, int cols) { return c + i / 4 * 8 + i % 4 < cols; }

// Over so many neighbouring lanes, a power of two: sums in a fixed order, the same in each of them.
template <int lanes, class T>
DEVICE T laneSum(T v) {
#pragma unroll
  for (int distance = lanes / 2; distance > 0; distance /= 2) v += __shfl_xor_sync(ALL_LANES, v, distance);
  return v;
}

template <class T>
DEVICE T warpSum(T v) {
  return laneSum<WARP>(v);
}

// The largest that is a number.
template <int lanes>
DEVICE float laneMax(float v) {
#pragma unroll
  for (int distance = lanes / 2; distance > 0; distance /= 2) v = fmaxf(v, __shfl_xor_sync(ALL_LANES, v, distance));
  return v;
}

// NaN if any is.
template <class T>
DEVICE T warpMax(T v) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    T other = __shfl_xor_sync(ALL_LANES, v, distance);
    v = other > v || other != other ? other : v;
  }
  return v;
}

// Of all threads of the block, the same in each; shared holds one number a warp. Whole warps only.
DEVICE double blockSum(double v, double* shared) {
  v = warpSum(v);
  __syncthreads();  // whoever read the last result is done
  if (threadIdx.x % WARP == 0) shared[threadIdx.x / WARP] = v;
  __syncthreads();
  double sum = 0;
  for (int w = 0; w < (int)blockDim.x / WARP; w++) sum += shared[w];
  return sum;
}
