#!/usr/bin/env bash
# Training steps here and in libtorch, in turns. The first run downloads 113 MB.
#   bench/peers.sh [shapes] [batches] [threads] [rounds] [json]
set -euo pipefail
cd "$(dirname "$0")/.."
shapes=${1:-MINILM,BERT_BASE}
batches=${2:-8x128,32x64,rte32}
threads=${3:-2}
rounds=${4:-10}
json=${5:-bench/target/peers.json}

./mvnw -q -B -ntp -Ppeers -pl bench -am package -DskipTests

# libtorch has two thread pools, OpenMP's and OpenBLAS's, that wait by spinning: each takes the
# cores from the other. And glibc gives the activations of every step back to the kernel.
export OMP_NUM_THREADS=$threads OMP_WAIT_POLICY=passive
export OPENBLAS_NUM_THREADS=$threads OPENBLAS_THREAD_TIMEOUT=4
export MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184
export MALLOC_TOP_PAD_=268435456 MALLOC_ARENA_MAX=1
# The peer's activations count against JavaCPP's own limit of four heaps: none here.
exec java -Xmx2g -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 -cp bench/target/benchmarks.jar io.holdfast.bench.PeerBench \
  "$shapes" "$batches" "$threads" "$rounds" "$json"
