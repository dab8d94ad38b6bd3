#!/bin/sh
# Fine-tunes MiniLM on GLUE tasks with each criterion and several seeds, and prints a table.
# What is done already is kept, so it can be stopped and started again.
#
#   docs/results/tasks.sh DATA OUT ["rte mrpc cola sst2"] ["1 2 3"] ["cross_entropy r3f"] [threads]
#
# DATA holds a folder per task (RTE, MRPC, CoLA, SST-2) with train.tsv and dev.tsv. Results do not depend on the
# number of threads. Several runs at a time, one thread each, use the cores better than one run with all of them:
#
#   for s in 1 2 3; do for t in mrpc sst2 rte cola; do echo $t $s r3f; echo $t $s cross_entropy; done; done |
#     xargs -P 2 -L 1 sh -c 'docs/results/tasks.sh DATA OUT $0 $1 $2 1'
set -eu
data=$1
out=$2
tasks=${3:-rte mrpc cola sst2}
seeds=${4:-1 2 3}
criteria=${5:-cross_entropy r3f}
threads=${6:-0}
root=$(cd "$(dirname "$0")/../.." && pwd -P)

folder() {
  case $1 in rte) echo RTE ;; mrpc) echo MRPC ;; cola) echo CoLA ;; sst2) echo SST-2 ;; *) echo "$1" ;; esac
}

for seed in $seeds; do
  for task in $tasks; do
    for criterion in $criteria; do
      run=$out/$task-$criterion-$seed
      [ -f "$run/eval_results.json" ] && continue
      "$root/holdfast" train --model minilm --task "$task" --data-dir "$data/$(folder "$task")" \
        --criterion "$criterion" --r3f-lambda 1.0 --eps 1e-5 --noise-type uniform --learning-rate 5e-5 \
        --num-train-epochs 3 --per-device-train-batch-size 32 --max-seq-length 128 --warmup 0.06 \
        --weight-decay 0.01 --max-train-samples 20000 --seed "$seed" --threads "$threads" --output-dir "$run" --log-format plain ||
        echo "$run: exit $?" >&2
    done
  done
done

# The last evaluation of every run and its best one: mean, sample s.d., and how many runs there are.
metric() {
  case $1 in cola) echo matthews_correlation ;; *) echo accuracy ;; esac
}
printf '| task | criterion | runs | metric | last, mean | s.d. | best, mean | s.d. | minutes |\n'
printf '|---|---|---|---|---|---|---|---|---|\n'
for task in $tasks; do
  for criterion in $criteria; do
    for seed in $seeds; do
      run=$out/$task-$criterion-$seed
      [ -f "$run/eval_results.json" ] || continue
      name=$(metric "$task")
      values=$(grep '"split":"eval"' "$run/metrics.jsonl" | sed -n "s/.*\"$name\":\([-0-9.eE]*\).*/\1/p")
      seconds=$(sed -n 's/.*"train_runtime" *: *\([0-9.eE]*\).*/\1/p' "$run/train_results.json")
      echo "$name $(echo "$values" | tail -n 1) $(echo "$values" | sort -g | tail -n 1) ${seconds:-0}"
    done | awk -v task="$task" -v criterion="$criterion" '
      { name = $1; n++; a += $2; aa += $2 * $2; b += $3; bb += $3 * $3; t += $4 }
      function sd(s, ss) { return n > 1 ? sqrt((ss - s * s / n > 0 ? ss - s * s / n : 0) / (n - 1)) : 0 }
      END { if (n) printf "| %s | %s | %d | %s | %.4f | %.4f | %.4f | %.4f | %.1f |\n",
                          task, criterion, n, name, a / n, sd(a, aa), b / n, sd(b, bb), t / n / 60 }'
  done
done
