// Memory: what Java asks for and fills.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "common.h"

// Zeroed by the system when first touched, or not at all; 0 if there is not that much.
static int64_t allocateAligned(int64_t bytes) {
  const int64_t hugePage = 2 << 20;
  int64_t alignment = bytes >= 4 * hugePage ? hugePage : 64;
  void* memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  if (memory && alignment == hugePage) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<int64_t>(memory);
}

static void release(At<void> memory) { free(memory); }

static void zeroBytes(At<void> dst, int64_t bytes) { memset(dst, 0, bytes); }

static void copyBytes(At<void> dst, At<const void> src, int64_t bytes) { memmove(dst, src, bytes); }

static void copyFloatsIn(At<float> dst, const float* src, int from, int count) {
  memcpy(dst, src + from, count * sizeof(float));
}

static void copyIntsIn(At<int32_t> dst, const int32_t* src, int from, int count) {
  memcpy(dst, src + from, count * sizeof(int32_t));
}

static void copyFloatsOut(float* dst, int from, At<const float> src, int count) {
  memcpy(dst + from, src, count * sizeof(float));
}
