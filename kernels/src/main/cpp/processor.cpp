// Instruction sets, as oneDNN and the operating system allow them.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "gemm.h"
#include "philox.h"

// AMX with bf16.
static bool hasAmx() {
  return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
}

// For tests: what this file's neighbours choose by processor becomes what any processor runs.
static void useAnyProcessor(bool on) {
  bestProduct = productFor(on);
  bestDraw = drawFor(on);
}
