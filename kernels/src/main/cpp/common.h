// What every kernel shares: how Java passes addresses, and which instruction sets are compiled.
#pragma once

#include <cstdint>

// One function, compiled for AVX-512, AVX2 and any x86-64; the loader picks. Elsewhere: the compiler's baseline.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#if __GNUC__ >= 12
#define KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static
#else
#define KERNEL __attribute__((target_clones("avx2", "default"))) static
#endif
#else
#define KERNEL static
#endif

// Inlined into kernels, so that it is compiled for their instruction set.
#define INLINE __attribute__((always_inline)) static inline

// An address that Java holds as a long.
template <class T>
struct At {
  T* const pointer;
  At(int64_t address) : pointer(reinterpret_cast<T*>(address)) {}
  __attribute__((always_inline)) operator T*() const { return pointer; }
};

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
