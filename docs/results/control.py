"""Trains with PyTorch and Hugging Face transformers from the weights, the data order and the learning rates of a run of
Holdfast without dropout, and prints both losses and gradient norms of every update, then both dev scores.

  control.py START ORDER RUN DATA

START  folder of a run of one update at a learning rate of 1e-30: the initial weights
ORDER  what Order.java prints
RUN    folder of the run, made with --logging-steps 1
DATA   folder with train.tsv and dev.tsv of the run's task
"""
import json
import sys

import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification, AutoTokenizer

start, order, run, data = sys.argv[1:]
log = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
ours = {line["step"]: line for line in log if line["split"] == "train"}
# Lines before the first row, columns of the texts and of the label, the classes in order.
tasks = {
    "cola": (0, [3], 1, ["0", "1"]),
    "mrpc": (1, [3, 4], 0, ["0", "1"]),
    "rte": (1, [1, 2], 3, ["entailment", "not_entailment"]),
    "sst2": (1, [0], 1, ["0", "1"]),
}
header, texts, label, classes = tasks[json.load(open(f"{run}/run.json"))["config"]["task"]]
tokenizer = AutoTokenizer.from_pretrained(start)


def read(name):
    with open(f"{data}/{name}.tsv", encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][header:]
    return [[row[i] for i in texts] for row in rows], torch.tensor([classes.index(row[label]) for row in rows])


def logits(model, rows):
    columns = [list(column) for column in zip(*rows)]
    return model(**tokenizer(*columns, truncation=True, max_length=128, padding=True, return_tensors="pt")).logits


no_dropout = {f"{name}_dropout_prob": 0.0 for name in ("hidden", "attention_probs")}
model = AutoModelForSequenceClassification.from_pretrained(start, classifier_dropout=0.0, **no_dropout).train()
plain = [p for name, p in model.named_parameters() if name.endswith(("bias", "LayerNorm.weight"))]
decayed = [p for name, p in model.named_parameters() if not name.endswith(("bias", "LayerNorm.weight"))]
adam = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}])

train, labels = read("train")
worst = 0.0
for step, line in zip(sorted(ours), open(order)):
    rows = [int(row) for row in line.split()]
    for group in adam.param_groups:
        group["lr"] = ours[step]["learning_rate"]
    loss = F.cross_entropy(logits(model, [train[row] for row in rows]), labels[rows])
    adam.zero_grad()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    adam.step()
    worst = max(worst, abs(loss.item() - ours[step]["loss"]))
    print(f"{step}  loss {loss:.7f} {ours[step]['loss']:.7f}  gnorm {norm:.5f} {ours[step]['grad_norm']:.5f}", flush=True)

dev, labels = read("dev")
with torch.no_grad():
    scores = torch.cat([logits(model.eval(), dev[i : i + 64]) for i in range(0, len(dev), 64)])
accuracy = (scores.argmax(1) == labels).double().mean()
print(f"largest difference of a loss: {worst:.1e}")
print(f"dev: accuracy {accuracy:.6f}, loss {F.cross_entropy(scores, labels):.7f}; Holdfast: {log[-1]}")
