// d = delta + step · g / (‖g‖ + floor), then onto the ball of the radius. A block has a sequence.

// Largest absolute value in all threads of the block; a NaN is as good as missed, as it stays in the step.
DEVICE float blockMax(float v, double* shared) {
  v = laneMax<WARP>(v);
  __syncthreads();
  if (threadIdx.x % WARP == 0) shared[threadIdx.x / WARP] = v;
  __syncthreads();
  double top = 0;
  for (int w = 0; w < (int)blockDim.x / WARP; w++) top = shared[w] > top ? shared[w] : top;
  return (float)top;
}

DEVICE double sizeOf(const float* x, Long n, int l2, double* shared) {
  if (l2) {
    double sum = 0;
    for (Long i = threadIdx.x; i < n; i += blockDim.x) sum += (double)x[i] * (double)x[i];
    return sqrt(blockSum(sum, shared));
  }
  float top = 0;
  for (Long i = threadIdx.x; i < n; i += blockDim.x) top = fmaxf(top, fabsf(x[i]));
  return blockMax(top, shared);
}

WIDE_KERNEL ascend(float* delta, const float* g, const int* starts, int l2, float step, float sizeFloor, float radius,
                   int rows, int cols, int* fault) {
  double* shared = sharedAs<double>();
  int start = starts[blockIdx.x], end = starts[blockIdx.x + 1];
  if (start < 0 || end < start || end > rows) {
    *fault = BAD_SEQUENCE;
    return;
  }
  float* d = delta + (Long)start * cols;
  const float* slope = g + (Long)start * cols;
  Long n = (Long)(end - start) * cols;
  double size = sizeOf(slope, n, l2, shared) + sizeFloor;
  double factor = size > 0 ? step / size : size;  // 0, or NaN
  for (Long i = threadIdx.x; i < n; i += blockDim.x) {
    float moved = (float)(d[i] + factor * slope[i]);
    d[i] = l2 ? moved : moved > radius ? radius : moved < -radius ? -radius : moved;
  }
  if (!l2) return;
  double distance = sizeOf(d, n, l2, shared);  // each thread reads what it wrote
  if (distance > radius) {
    double shrink = radius / distance;
    for (Long i = threadIdx.x; i < n; i += blockDim.x) d[i] = (float)(d[i] * shrink);
  }
}
