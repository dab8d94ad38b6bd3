#!/bin/sh
# Fine-tunes MiniLM on GLUE tasks with each criterion and several seeds, and prints tables; OUT gets the same with
# drawings, report.html. What is done already is kept, so it can be stopped and started again.
#
#   docs/results/tasks.sh DATA OUT ["rte mrpc cola sst2"] ["1 2 3"] ["cross_entropy r3f"] [runs at a time]
#
# DATA holds a folder per task (RTE, MRPC, CoLA, SST-2) with train.tsv and dev.tsv. Scores do not depend on the number
# of threads or runs at a time; a run a core uses the cores better than one run with all of them.
set -eu
list() { printf '%s' "$1" | tr ' ' ','; }
root=$(cd "$(dirname "$0")/../.." && pwd -P)
for task in ${3:-rte mrpc cola sst2}; do
  case $task in sst2) epochs=1 ;; *) epochs=3 ;; esac
  "$root/holdfast" compare --model minilm --data-root "$1" --output-dir "$2" \
    --tasks "$task" --seeds "$(list "${4:-1 2 3}")" --criteria "$(list "${5:-cross_entropy r3f}")" --workers "${6:-1}" \
    --r3f-lambda 1.0 --eps 1e-5 --noise-type uniform --learning-rate 5e-5 --num-train-epochs $epochs \
    --per-device-train-batch-size 32 --max-seq-length 128 --warmup 0.06 --weight-decay 0.01 --max-train-samples 20000 \
    > /dev/null
done
exec "$root/holdfast" report "$2" --markdown "$2/report.md" --html "$2/report.html"
