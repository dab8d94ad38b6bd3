// Kernels that are wrong, each in one way that the emulation has to find; the last is right.

KERNEL someWaitForTheBlock() {
  if (threadIdx.x < 32) __syncthreads();
}

KERNEL waitAtDifferentPlaces() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

KERNEL someLanesLeave() {
  if (threadIdx.x % WARP < 3) return;
  warpSum(1.0f);
}

KERNEL writesBehindItsSharedMemory() { sharedAs<float>()[blockDim.x] = 1; }

KERNEL readsWhatNobodyWrote(float* y) { *y = sharedAs<float>()[threadIdx.x]; }

// Right only if threads run in ascending order.
KERNEL trustsTheOrderOfThreads(float* y) {
  if (threadIdx.x == 0) *y = 1;
  if (threadIdx.x == blockDim.x - 1) *y = 2;
}

KERNEL trustsTheOrderOfBlocks(float* y) { *y = (float)blockIdx.x; }

// y = 1: what warps do on their own between two votes of the block does not change the votes.
KERNEL votesOfUnevenWarps(float* y) {
  int votes = 0;
  for (int i = 0; i < 4; i++) {
    for (int w = 0; w < (int)threadIdx.x / WARP * i; w++) warpSum(1);
    votes += __syncthreads_or(threadIdx.x == 5 * i) ? 1 : 0;
    votes += __syncthreads_or(false) ? 100 : 0;
  }
  if (threadIdx.x == 0) *y = votes == 4 ? 1 : 0;
}
