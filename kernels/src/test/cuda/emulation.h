// CUDA on the host: the kernels of src/main/cuda, compiled by a C++ compiler as they are. Each thread of a block is a fiber
// of one thread of the host; blocks run one after the other. Found beside wrong results: threads of a block that wait at
// different places or have left (barrier divergence), partial warps in warp operations, shared memory that is read before
// it is written (it starts as NaN) or written beyond its end; wide accesses that are not aligned trap. A race shows as
// results that differ: threads and blocks run in ascending order or, in about half of the launches, in descending order.
// Asynchronous copies are made when they are waited for, at the latest possible moment.
#pragma once

#include <setjmp.h>
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#define EMULATED
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)

struct alignas(16) float4 {
  float x, y, z, w;
};
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

struct Dim {
  unsigned x, y, z;
};
static Dim threadIdx, blockIdx, blockDim, gridDim;

namespace emulation {

static const int WARP_SIZE = 32, MOST_THREADS = 1024, STACK = 128 << 10, GUARD = 64;
static const unsigned char POISON = 0xFF;

enum State { READY, AT_WARP, AT_BLOCK, DONE };

struct Fiber {
  ucontext_t start;
  jmp_buf here;
  bool started;
  State state;
  int line;     // where it waits
  int turn[2];  // which slots its last exchange within the warp, within the block, used
  char* stack;
  std::vector<std::pair<void*, const void*>> copies;  // to, from; not yet made
};

struct Slot {
  unsigned char bytes[48];
};

static Fiber fibers[MOST_THREADS];
static Slot slots[4][MOST_THREADS];
static int current;
static jmp_buf scheduler;
static void (*kernel)(void**);
static void** arguments;
static std::vector<unsigned char> memory;
static std::string failure;
static unsigned launches;
static bool descending;

// The i-th of n in this launch's order.
static int ordered(int i, int n) { return descending ? n - 1 - i : i; }

static unsigned char* shared() {
  uintptr_t begin = ((uintptr_t)memory.data() + GUARD + 15) / 16 * 16;
  return (unsigned char*)begin;
}

__attribute__((noinline)) static void leave(State state, int line) {
  Fiber& me = fibers[current];
  me.state = state;
  me.line = line;
  if (!_setjmp(me.here)) _longjmp(scheduler, 1);
}

static void body() {
  for (;;) {
    kernel(arguments);
    leave(DONE, 0);
  }
}

__attribute__((noinline)) static void resume(int thread) {
  current = thread;
  threadIdx = {(unsigned)thread, 0, 0};
  Fiber& fiber = fibers[thread];
  if (_setjmp(scheduler)) return;
  if (fiber.started) _longjmp(fiber.here, 1);
  fiber.started = true;
  if (!fiber.stack) fiber.stack = new char[STACK];
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack;
  fiber.start.uc_stack.ss_size = STACK;
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, body, 0);
  setcontext(&fiber.start);
}

// Whether all threads from … to wait in one state at one line; fails if one has left, or waits elsewhere.
static bool together(int from, int to, State state) {
  int waiting = 0, done = 0;
  for (int t = from; t < to; t++) {
    waiting += fibers[t].state == state && fibers[t].line == fibers[from].line;
    done += fibers[t].state == DONE;
  }
  if (waiting == to - from) return true;
  bool stuck = true;
  for (int t = from; t < to; t++) stuck = stuck && fibers[t].state != READY;
  if (stuck && state == AT_BLOCK && done < to - from) {
    for (int t = from; t < to; t++) {
      if (fibers[t].state == DONE) continue;
      failure = "barrier divergence: thread " + std::to_string(t) + " waits at line " + std::to_string(fibers[t].line) +
                ", not all others do";
    }
  }
  return false;
}

static void release(int from, int to) {
  for (int t = from; t < to; t++) fibers[t].state = READY;
}

// Runs the threads of a warp until all have left or wait for the block.
static void runWarp(int from, int to) {
  for (;;) {
    for (int i = 0; i < to - from; i++) {
      int t = from + ordered(i, to - from);
      if (fibers[t].state == READY) resume(t);
    }
    if (fibers[from].state != AT_WARP || !together(from, to, AT_WARP)) break;
    release(from, to);
  }
  for (int t = from; t < to; t++) {
    if (fibers[t].state == AT_WARP) {
      failure = "warp divergence: thread " + std::to_string(t) + " waits at line " + std::to_string(fibers[t].line) +
                ", its warp does not";
    }
  }
}

static void runBlock(int threads) {
  memset(memory.data(), POISON, memory.size());
  for (Slot* turn : slots) memset(turn, POISON, threads * sizeof(Slot));
  for (int t = 0; t < threads; t++) {
    fibers[t].turn[0] = fibers[t].turn[1] = 0;
    fibers[t].copies.clear();
  }
  release(0, threads);
  for (;;) {
    for (int w = 0; w < threads / WARP_SIZE && failure.empty(); w++) {
      int from = ordered(w, threads / WARP_SIZE) * WARP_SIZE;
      runWarp(from, from + WARP_SIZE);
    }
    if (!failure.empty() || !together(0, threads, AT_BLOCK)) return;
    release(0, threads);
  }
}

static void checkGuards(int sharedBytes) {
  for (unsigned char* p = memory.data(); p < memory.data() + memory.size(); p++) {
    bool inside = p >= shared() && p < shared() + sharedBytes;
    if (!inside && *p != POISON) {
      failure = "shared memory written at byte " + std::to_string(p - shared()) + " of " + std::to_string(sharedBytes);
      return;
    }
  }
}

// Every thread leaves a value that fits a slot and, when its warp or block is there, may read the others'. Returns
// where: whoever is still reading the last values reads other slots.
template <class T>
static int exchange(T value, State state, int line) {
  static_assert(sizeof value <= sizeof(Slot));
  int block = state == AT_BLOCK, turn = 2 * block + (fibers[current].turn[block] ^= 1);
  memcpy(&slots[turn][current], &value, sizeof value);
  leave(state, line);
  return turn;
}

template <class T>
static T slot(int turn, int thread) {
  T value;
  memcpy(&value, &slots[turn][thread], sizeof value);
  return value;
}

static void wholeWarp(unsigned mask, int line) {
  if (mask != 0xFFFFFFFFu) failure = "a warp operation of some lanes at line " + std::to_string(line);
}

template <class T>
static T shuffleXor(unsigned mask, T value, int distance, int line) {
  wholeWarp(mask, line);
  int turn = exchange(value, AT_WARP, line);
  return slot<T>(turn, current ^ distance);
}

static unsigned ballot(unsigned mask, bool value, int line) {
  wholeWarp(mask, line);
  int turn = exchange((int)value, AT_WARP, line), base = current / WARP_SIZE * WARP_SIZE;
  unsigned votes = 0;
  for (int lane = 0; lane < WARP_SIZE; lane++) votes |= (unsigned)slot<int>(turn, base + lane) << lane;
  return votes;
}

static int anyOfBlock(int value, int line) {
  int turn = exchange(value, AT_BLOCK, line), any = 0;
  for (unsigned t = 0; t < blockDim.x; t++) any |= slot<int>(turn, (int)t);
  return any;
}

// ---- numbers of 16 bits ----

static float bitsAsFloat(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// To nearest, ties to even; NaN is 0x7FFF, as from the device.
static unsigned short toBf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof x);
  return x != x ? 0x7FFF : (unsigned short)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

static unsigned short toF16(float x) {
  _Float16 half = (_Float16)x;
  unsigned short bits;
  memcpy(&bits, &half, sizeof bits);
  return x != x ? 0x7FFF : bits;
}

static float fromF16(unsigned short bits) {
  _Float16 half;
  memcpy(&half, &bits, sizeof half);
  return (float)half;
}

static float fromBf16(unsigned short bits) { return bitsAsFloat((uint32_t)bits << 16); }

// ---- matrices of 16-bit numbers, in the layouts of the PTX ISA; a word has its first number in the lower half ----

// mma.m16n8k16: sums += left · right. With g = lane / 4 and t = lane % 4, number i of left is row g + 8·(i / 2 % 2),
// column 2t + i % 2 + 8·(i / 4); of right, row 2t + i % 2 + 8·(i / 2), column g; of sums, row g + 8·(i / 2), column
// 2t + i % 2.
static void multiplyAdd(float* sums, const unsigned* left, const unsigned* right, float (*real)(unsigned short),
                        int line) {
  struct Factors {
    float left[8], right[4];
  } mine;
  for (int i = 0; i < 8; i++) mine.left[i] = real((unsigned short)(left[i / 2] >> i % 2 * 16));
  for (int i = 0; i < 4; i++) mine.right[i] = real((unsigned short)(right[i / 2] >> i % 2 * 16));
  int turn = exchange(mine, AT_WARP, line), base = current / WARP_SIZE * WARP_SIZE, lane = current % WARP_SIZE;
  Factors rows[4], columns[2][4];  // of the lanes that have this one's
  for (int t = 0; t < 4; t++) {
    rows[t] = slot<Factors>(turn, base + lane / 4 * 4 + t);
    for (int i = 0; i < 2; i++) columns[i][t] = slot<Factors>(turn, base + (lane % 4 * 2 + i) * 4 + t);
  }
  for (int i = 0; i < 4; i++) {
    double sum = sums[i];
    for (int k = 0; k < 16; k++) {
      int t = k % 8 / 2;
      sum += (double)rows[t].left[k / 8 * 4 + i / 2 * 2 + k % 2] * columns[i % 2][t].right[k / 8 * 2 + k % 2];
    }
    sums[i] = (float)sum;
  }
}

static void sharedRow(const void* row) {
  const unsigned char* p = (const unsigned char*)row;
  if ((uintptr_t)p % 16 != 0 || p < shared() || p + 16 > memory.data() + memory.size() - GUARD) {
    failure = "no row of 16 aligned bytes in shared memory";
  }
}

// ldmatrix.x4: lane 8m + r names row r of matrix m. Word m is, of matrix m, row g, columns 2t and 2t + 1; transposed,
// rows 2t and 2t + 1 of column g.
static void loadMatrices(unsigned* to, const void* row, bool transposed, int line) {
  sharedRow(row);
  int turn = exchange(row, AT_WARP, line), base = current / WARP_SIZE * WARP_SIZE, lane = current % WARP_SIZE;
  for (int m = 0; m < 4; m++) {
    to[m] = 0;
    for (int i = 0; i < 2; i++) {
      int r = lane / 4, c = lane % 4 * 2 + i;
      if (transposed) std::swap(r, c);
      to[m] |= (unsigned)slot<const unsigned short*>(turn, base + 8 * m + r)[c] << 16 * i;
    }
  }
}

// cp.async of 16 bytes, and cp.async.wait_all.
static void startCopy(void* to, const void* from) {
  sharedRow(to);
  if ((uintptr_t)from % 16 != 0) failure = "an asynchronous copy from an address that is not aligned";
  fibers[current].copies.emplace_back(to, from);
}

static void finishCopies() {
  for (auto& copy : fibers[current].copies) memcpy(copy.first, copy.second, 16);
  fibers[current].copies.clear();
}

// ---- kernels by name ----

template <auto function>
struct Caller;
template <class... A, void (*function)(A...)>
struct Caller<function> {
  static void call(void** values) { call(values, std::index_sequence_for<A...>()); }
  template <size_t... i>
  static void call(void** values, std::index_sequence<i...>) {
    function(*(A*)values[i]...);
  }
};

struct Kernel {
  const char* name;
  void (*call)(void**);
};

#define EMULATED_KERNEL(name) {#name, emulation::Caller<name>::call}

// Returns what went wrong; empty: nothing.
static std::string launch(const Kernel& which, Dim grid, int threads, int sharedBytes, void** values) {
  if (threads < WARP_SIZE || threads > MOST_THREADS || threads % WARP_SIZE != 0) {
    return std::to_string(threads) + " threads";
  }
  failure.clear();
  kernel = which.call;
  arguments = values;
  gridDim = grid;
  blockDim = {(unsigned)threads, 1, 1};
  memory.assign(sharedBytes + 2 * GUARD + 16, POISON);
  descending = __builtin_parity(launches++);  // no period: an operation of several launches sees both
  int blocks = (int)(grid.x * grid.y * grid.z);
  for (int i = 0; i < blocks && failure.empty(); i++) {
    unsigned block = (unsigned)ordered(i, blocks);
    blockIdx = {block % grid.x, block / grid.x % grid.y, block / grid.x / grid.y};
    runBlock(threads);
    checkGuards(sharedBytes);
  }
  if (failure.empty()) return "";
  for (Fiber& fiber : fibers) fiber.started = false;  // their stacks are in the middle of something
  return failure + " (block " + std::to_string(blockIdx.x) + ", " + std::to_string(blockIdx.y) + ", " +
         std::to_string(blockIdx.z) + ")";
}

}  // namespace emulation

#define sharedMemory (emulation::shared())
#define __syncthreads() emulation::leave(emulation::AT_BLOCK, __LINE__)
#define __syncthreads_or(value) emulation::anyOfBlock(value, __LINE__)
#define __shfl_xor_sync(mask, value, distance) emulation::shuffleXor(mask, value, distance, __LINE__)
#define __ballot_sync(mask, value) emulation::ballot(mask, value, __LINE__)

static inline float __int_as_float(int bits) { return emulation::bitsAsFloat((uint32_t)bits); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static inline int __ffs(int bits) { return __builtin_ffs(bits); }
static inline void sincospif(float x, float* sine, float* cosine) {
  *sine = (float)sin(M_PI * x);
  *cosine = (float)cos(M_PI * x);
}
