"""Writes model/src/test/resources/goldens: tiny random models and what Hugging Face computes with them.

Made with Python 3.11, torch 1.13.1, transformers 4.40.2, safetensors 0.4.5, numpy 1.24.2. The build never runs this.

    python model/src/test/python/make_goldens.py [FOLDER]

Weights are stored as fp32 and everything is computed in double, so the numbers are right to well below fp32.
Each model folder holds
    config.json, model.safetensors    as Hugging Face saves them
    goldens.json                      batches, logits, losses, settings; float numbers at full precision
    goldens.safetensors               ce/NAME and r3f/NAME: gradients; noise/0 and noise/1: [tokens, hidden] per batch

Criteria (dropout 0, means over the sequences of a batch):
    ce    cross-entropy, or squared error for regression
    r3f   ce(clean) + LAMBDA * (KL(p||q) + KL(q||p)), or + LAMBDA * (clean - noised)^2 for regression; the noised pass gets
          the word embeddings, cut from the graph, plus the stored noise; nothing else is cut
Training: ten steps of torch.optim.AdamW, batches 0 and 1 in turn, from the stored weights.
"""

import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, RobertaConfig, RobertaForSequenceClassification

LAMBDA = 0.7
NOISE = 0.2
STEPS = 10
ADAMW = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
SHAPE = dict(vocab_size=90, hidden_size=32, num_attention_heads=4, intermediate_size=48, initializer_range=0.02)
LONGEST = 30
# Lengths of the sequences of the two batches; True: a pair.
BATCHES = [[(1, False), (2, False), (6, True), (LONGEST, False), (17, True)], [(LONGEST - 1, True), (3, False), (9, True)]]

# name: (architecture, layers, outputs, head dropout and initial values of fairseq, decay of biases and LayerNorm)
MODELS = {
    "roberta-classes2": ("roberta", 2, 2, False, True),
    "roberta-fairseq-classes3": ("roberta", 3, 3, True, True),
    "roberta-regression": ("roberta", 2, 1, False, False),
    "bert-classes3": ("bert", 2, 3, False, False),
    "bert-regression": ("bert", 2, 1, False, True),
}


def build(architecture, layers, outputs, fairseq):
    labels = {i: "value" if outputs == 1 else f"class{i}" for i in range(outputs)}
    common = dict(SHAPE, num_hidden_layers=layers, id2label=labels, label2id={v: k for k, v in labels.items()})
    common.update(problem_type="regression" if outputs == 1 else "single_label_classification")
    if architecture == "bert":
        config = BertConfig(max_position_embeddings=LONGEST, type_vocab_size=2, **common)
        model = BertForSequenceClassification(config)
    else:
        config = RobertaConfig(
            max_position_embeddings=LONGEST + 2,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            classifier_dropout=0.0 if fairseq else None,
            **common,
        )
        model = RobertaForSequenceClassification(config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                p.copy_(1 + 0.2 * torch.randn(p.shape))
            elif fairseq and name.startswith("classifier."):
                p.uniform_(-(32**-0.5), 32**-0.5)
            elif p.dim() == 1:
                p.normal_(0, 0.1)
            else:
                p.normal_(0, 0.2)
    return model.eval()  # no dropout anywhere


def make_batch(lengths, architecture, outputs):
    """Rows as a tokenizer would make them: [CLS] a [SEP] b [SEP], or <s> a </s></s> b </s>."""
    first, separators = (2, [3]) if architecture == "bert" else (0, [2, 2])
    end = separators[:1]
    ids, types = [], []
    for length, pair in lengths:
        words = torch.randint(5, SHAPE["vocab_size"], (length,)).tolist()
        row = ([first] + words)[: max(1, length - 1)] + (end if length > 1 else [])
        cut = length // 2
        kind = [0] * length
        if pair:
            row[cut : cut + len(separators)] = separators
            if architecture == "bert":
                kind = [0] * (cut + 1) + [1] * (length - cut - 1)
        ids.append(row)
        types.append(kind)
    b = len(lengths)
    # One class is the majority, so that the gradient of the last bias is not a small difference of large numbers.
    labels = torch.randn(b).double() if outputs == 1 else (torch.arange(b) == 2) * (outputs - 1)
    return dict(ids=ids, types=types, labels=labels)


def padded(batch, pad):
    width = max(map(len, batch["ids"]))
    fill = lambda rows, value: torch.tensor([r + [value] * (width - len(r)) for r in rows])
    mask = fill([[1] * len(r) for r in batch["ids"]], 0)
    return dict(attention_mask=mask, token_type_ids=fill(batch["types"], 0)), fill(batch["ids"], pad), mask.bool()


def clean_loss(logits, labels):
    return F.mse_loss(logits.squeeze(-1), labels) if logits.shape[1] == 1 else F.cross_entropy(logits, labels)


def run_ce(model, batch):
    inputs, ids, _ = padded(batch, model.config.pad_token_id)
    out = model(input_ids=ids, labels=batch["labels"], **inputs)
    assert torch.allclose(out.loss, clean_loss(out.logits, batch["labels"]), atol=1e-14)
    return out.loss, dict(logits=out.logits)


def run_r3f(model, batch, noise):
    inputs, ids, mask = padded(batch, model.config.pad_token_id)
    clean = model(input_ids=ids, **inputs).logits
    embeddings = model.get_input_embeddings()(ids).detach()
    embeddings[mask] += noise
    noised = model(inputs_embeds=embeddings, **inputs).logits
    ce = clean_loss(clean, batch["labels"])
    if clean.shape[1] == 1:
        kl = (clean - noised).pow(2).mean()
    else:
        lp, lq = F.log_softmax(clean, -1), F.log_softmax(noised, -1)
        kl = ((lp.exp() - lq.exp()) * (lp - lq)).sum(-1).mean()
    return ce + LAMBDA * kl, dict(logits=clean, noised_logits=noised, ce=ce, kl=kl)


def optimizer(model, decay_all):
    exempt = lambda name: not decay_all and (name.endswith(".bias") or "LayerNorm" in name)
    named = list(model.named_parameters())
    groups = [
        dict(params=[p for n, p in named if not exempt(n)]),
        dict(params=[p for n, p in named if exempt(n)], weight_decay=0.0),
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], **ADAMW)


def plain(x):
    return x.tolist() if isinstance(x, torch.Tensor) else x


def evaluate(model, weights, run, decay_all):
    """Loss, parts and gradients at the stored weights on batch 0, then ten training losses."""
    model.load_state_dict(weights)
    model.zero_grad()
    loss, parts = run(0)
    loss.backward()
    gradients = {n: p.grad.float().clone() for n, p in model.named_parameters()}
    opt = optimizer(model, decay_all)
    losses = []
    for step in range(STEPS):
        opt.zero_grad()
        step_loss, _ = run(step % 2)
        step_loss.backward()
        opt.step()
        losses.append(step_loss.item())
    return dict(loss=loss.item(), losses=losses, **{k: plain(v) for k, v in parts.items()}), gradients


def main(folder):
    for seed, (name, (architecture, layers, outputs, fairseq, decay_all)) in enumerate(MODELS.items()):
        torch.manual_seed(1000 + seed)
        out = folder / name
        out.mkdir(parents=True, exist_ok=True)
        model = build(architecture, layers, outputs, fairseq)
        model.save_pretrained(out, safe_serialization=True)
        model.double()
        weights = {n: t.clone() for n, t in model.state_dict().items()}
        batches = [make_batch(lengths, architecture, outputs) for lengths in BATCHES]
        noises = [NOISE * (2 * torch.rand(sum(n for n, _ in b), SHAPE["hidden_size"]) - 1) for b in BATCHES]
        ce, ce_gradients = evaluate(model, weights, lambda i: run_ce(model, batches[i]), decay_all)
        r3f, r3f_gradients = evaluate(model, weights, lambda i: run_r3f(model, batches[i], noises[i].double()), decay_all)
        tensors = {f"noise/{i}": noise for i, noise in enumerate(noises)}
        tensors.update({f"ce/{n}": g for n, g in ce_gradients.items()})
        tensors.update({f"r3f/{n}": g for n, g in r3f_gradients.items()})
        save_file(tensors, out / "goldens.safetensors")
        settings = dict(r3f_lambda=LAMBDA, decay_bias_and_layernorm=decay_all)
        settings.update(batches=[{k: plain(v) for k, v in b.items()} for b in batches], ce=ce, r3f=r3f)
        (out / "goldens.json").write_text(json.dumps(settings) + "\n")
        print(name, "ce", ce["loss"], "->", ce["losses"][-1], "r3f", r3f["loss"], "kl", r3f["kl"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "model/src/test/resources/goldens"))
