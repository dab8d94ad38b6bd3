// What every kernel shares. No header is included, so that NVRTC compiles these files, joined in one, as they are.

typedef unsigned int Word;
typedef long long Long;

// A block has at most so many threads: the compiler then takes no more registers than are there for them.
#define KERNEL extern "C" __global__ void __launch_bounds__(256)
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

// The first n, at most four, of p; 0 for the rest.
DEVICE Quad loadQuad(const float* p, Long n, bool whole) {
  Quad q = {{0, 0, 0, 0}};
  if (whole && n > 0) {
    float4 v = *(const float4*)p;
    q.at[0] = v.x;
    q.at[1] = v.y;
    q.at[2] = v.z;
    q.at[3] = v.w;
  } else {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (k < n) q.at[k] = p[k];
    }
  }
  return q;
}

DEVICE void storeQuad(float* p, const Quad& q, Long n, bool whole) {
  if (whole && n > 0) {
    *(float4*)p = make_float4(q.at[0], q.at[1], q.at[2], q.at[3]);
  } else {
#pragma unroll
    for (int k = 0; k < 4; k++) {
      if (k < n) p[k] = q.at[k];
    }
  }
}

// Sixteen columns of a row that take all words of four counters: at[4w + k] is column c + 8w + k. Two units are 32 columns.
struct Unit {
  float at[16];
};

DEVICE Word units(int cols) { return ((Word)cols + 31) / 32 * 2; }
DEVICE int unitColumn(Word unit) { return (int)(unit / 2 * 32 + unit % 2 * 4); }

DEVICE Unit loadUnit(const float* row, int c, int cols, bool whole) {
  Unit unit;
#pragma unroll
  for (int w = 0; w < 4; w++) {
    Quad q = loadQuad(row + c + 8 * w, cols - c - 8 * w, whole);
#pragma unroll
    for (int k = 0; k < 4; k++) unit.at[4 * w + k] = q.at[k];
  }
  return unit;
}

DEVICE void storeUnit(float* row, const Unit& unit, int c, int cols, bool whole) {
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
