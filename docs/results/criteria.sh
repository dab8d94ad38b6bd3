#!/bin/sh
# Compares all criteria on few rows: MiniLM on CoLA (2,500 rows), MRPC and RTE (1,000 each), five seeds, and prints
# tables; OUT gets the same with drawings, report.html. What is done already is kept, so it can be stopped and started
# again.
#
#   docs/results/criteria.sh DATA OUT ["cola mrpc rte"] [seeds] [runs at a time]
#
# DATA holds a folder per task (CoLA, MRPC, RTE) with train.tsv and dev.tsv. Scores do not depend on the number of
# threads or runs at a time; a run a core uses the cores better than one run with all of them.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
for task in ${3:-cola mrpc rte}; do
  case $task in cola) rows=2500 ;; *) rows=1000 ;; esac
  "$root/holdfast" compare --model minilm --data-root "$1" --output-dir "$2" --tasks "$task" --seeds "${4:-1-5}" \
    --criteria cross_entropy,r3f,r4f,smart,freelb,r_drop --workers "${5:-2}" --threads 1 \
    --learning-rate 1e-4 --num-train-epochs 3 --per-device-train-batch-size 16 --max-seq-length 128 --warmup 0.1 \
    --weight-decay 0.01 --max-train-samples $rows > /dev/null
done
exec "$root/holdfast" report "$2" --markdown "$2/report.md" --html "$2/report.html"
