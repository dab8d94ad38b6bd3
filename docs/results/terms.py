"""R3F's consistency term in the runs of a sweep, by task, dropout masks and eps: before training, by the noise alone and by
dropout alone (the noise audit), its mean over the last epoch, and the score of the best evaluation.

python docs/results/terms.py OUT
"""
import json
import pathlib
import statistics
import sys

groups = {}
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if not (folder / "all_results.json").exists():
        continue
    config = json.loads((folder / "run.json").read_text())["config"]
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    end = config["num_train_epochs"] - 1
    kl = [line["kl"] for line in lines if line["split"] == "train" and line["epoch"] > end]
    audit = next(line for line in lines if line["split"] == "noise_audit")
    metric = "matthews_correlation" if config["task"] == "cola" else "accuracy"
    score = max(line[metric] for line in lines if line["split"] == "eval")
    key = (config["task"], config["r3f_dropout"], config["eps"])
    first = (audit["consistency_of_noise"], audit["consistency_of_dropout"])
    groups.setdefault(key, []).append((statistics.mean(kl), score, *first))

print("| task | masks | eps | runs | by noise, before | by dropout, before | last epoch | score | s.d. |")
print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
for (task, masks, eps), runs in sorted(groups.items()):
    terms, scores, noise, dropout = zip(*runs)
    spread = statistics.stdev(scores) if len(scores) > 1 else float("nan")
    print(
        f"| {task} | {masks} | {eps:.0e} | {len(runs)} | {statistics.mean(noise):.1e} | {statistics.mean(dropout):.1e}"
        f" | {statistics.mean(terms):.1e} | {statistics.mean(scores):.4f} | {spread:.4f} |"
    )
