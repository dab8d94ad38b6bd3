// Instruction sets, as oneDNN and the operating system allow them.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "gemm.h"
#include "philox.h"

// Bit 0: AVX2 and FMA, bit 1: AVX-512, bit 2: AMX with bf16.
static int processorFeatures() {
  int isa = dnnl_get_effective_cpu_isa();
  auto has = [isa](int set) { return (isa & set) == set; };
  return has(dnnl_cpu_isa_avx2) | has(dnnl_cpu_isa_avx512_core) << 1 | has(dnnl_cpu_isa_avx512_core_amx) << 2;
}

// For tests: what this file's neighbours choose by processor becomes what any processor runs.
static void useAnyProcessor(bool on) {
  bestProduct = productFor(on);
  bestDraw = drawFor(on);
}
