#!/bin/sh
# How much of R3F is noise and how much is dropout: every eps with independent and with shared dropout masks, MiniLM on
# CoLA (2,500 rows) and RTE (1,000). What is done already is kept, so it can be stopped and started again.
#
#   docs/results/ablation.sh DATA OUT ["cola rte"] [seeds] [runs at a time]
#
# DATA holds a folder per task (CoLA, RTE) with train.tsv and dev.tsv.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd -P)
for task in ${3:-cola rte}; do
  case $task in cola) rows=2500 ;; *) rows=1000 ;; esac
  "$root/holdfast" sweep --grid r3f-dropout=independent,shared --grid eps=1e-5,1e-4,1e-3,1e-2,1e-1 --criterion r3f \
    --model minilm --data-root "$1" --output-dir "$2" --tasks "$task" --seeds "${4:-1-3}" \
    --workers "${5:-2}" --threads 1 --keep results \
    --learning-rate 1e-4 --num-train-epochs 3 --per-device-train-batch-size 16 --max-seq-length 128 --warmup 0.1 \
    --weight-decay 0.01 --max-train-samples $rows > /dev/null
done
exec "$root/holdfast" report "$2" --markdown "$2/report.md" --html "$2/report.html"
