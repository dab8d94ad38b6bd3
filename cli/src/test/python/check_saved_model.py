"""Loads a folder saved by Holdfast in Hugging Face and compares what both predict, sentence by sentence.

  ./holdfast predict --model OUT --test-file rows.tsv --text-column sentence --label-column label --json > ours.jsonl
  python cli/src/test/python/check_saved_model.py OUT ours.jsonl

Fails unless every log-probability agrees within 1e-4. The texts are taken from ours.jsonl. Written for transformers
4.40 and torch 1.13; the build never runs it.
"""

import json
import math
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

TOLERANCE = 1e-4


def main(folder: str, predictions: str, max_length: int) -> int:
    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    problems = {name: found for name, found in info.items() if found}
    if problems:
        print(f"not loaded as saved: {problems}")
        return 1
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model.eval()
    worst, where, count = 0.0, "", 0
    with open(predictions, encoding="utf-8") as lines, torch.no_grad():
        for line in lines:
            ours = json.loads(line)
            inputs = tokenizer(
                ours["text"], ours.get("text_pair"), truncation=True, max_length=max_length, return_tensors="pt"
            )
            theirs = torch.log_softmax(model(**inputs).logits[0].double(), dim=0).tolist()
            for index, expected in enumerate(theirs):
                got = math.log(ours["probabilities"][model.config.id2label[index]])
                if not abs(got - expected) <= worst:
                    worst, where = abs(got - expected), ours["text"]
            count += 1
    print(f"{count} texts, largest difference of a log-probability {worst:.3g} ({where[:60]!r})")
    return 0 if count > 0 and worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 512))
