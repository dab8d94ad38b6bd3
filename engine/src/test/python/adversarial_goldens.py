"""Writes adversarial_goldens.json: what torch computes for SMART and FreeLB on the tiny models of the model's goldens.

Made with Python 3.11, torch 1.13.1, transformers 4.40.2. The build never runs this.

    python engine/src/test/python/adversarial_goldens.py

Models, batches and the first perturbation (noise/0 and noise/1) are those in model/src/test/resources/goldens. Everything
is computed in double, without dropout, but for the numbers that Holdfast keeps in fp32: LayerNorm's eps and the weights of
the terms. Adam divides a gradient by its size, so where one cancels to 1e-8 their rounding would show in the next losses.
Settings are exact in binary, so that both sides mean the same numbers.

A tensor is stored by two numbers, its L2 norm and its product with cos(0), cos(1), cos(2), ... over all its elements:
    delta       the perturbation of batch 0 after the ascent, [tokens, hidden]
    gradients   of batch 0, by parameter
and losses are ten steps of torch.optim.AdamW, batches 0 and 1 in turn, from the stored weights.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

ROOT = pathlib.Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "model/src/test/python"))
from make_goldens import MODELS, STEPS, clean_loss, optimizer, padded  # noqa: E402

GOLDENS = ROOT / "model/src/test/resources/goldens"
OUT = ROOT / "engine/src/test/resources/io/holdfast/engine/criteria/adversarial_goldens.json"

SMART = dict(smart_steps=2, smart_lambda=0.75, smart_step_size=0.0625, smart_epsilon=0.1875)
FREELB = dict(freelb_steps=3, freelb_init_mag=1)
SETTINGS = {
    "smart-paper": dict(SMART),
    "smart-public": dict(SMART, smart_step_size=0.5, smart_projection="public-code", smart_stop_grad="targets"),
    "freelb-l2": dict(FREELB, freelb_norm="l2", freelb_adv_lr=0.5, freelb_max_norm=3),
    "freelb-linf": dict(FREELB, freelb_norm="linf", freelb_adv_lr=0.0625, freelb_max_norm=0.21875),
}


def fp32(x):
    return float(np.float32(x))


class Batch:
    """One padded batch; perturbations are packed, [tokens, hidden]."""

    def __init__(self, model, batch):
        self.model = model
        self.inputs, self.ids, self.mask = padded(batch, model.config.pad_token_id)
        dtype = torch.double if model.config.num_labels == 1 else torch.long
        self.labels = torch.tensor(batch["labels"], dtype=dtype)
        self.lengths = [len(row) for row in batch["ids"]]
        self.scale = fp32(1 / len(self.lengths))

    def logits(self, delta=None):
        embeddings = self.model.get_input_embeddings()(self.ids)
        if delta is not None:
            embeddings = embeddings + torch.zeros_like(embeddings).masked_scatter(self.mask[..., None], delta)
        return self.model(inputs_embeds=embeddings, **self.inputs).logits


def smoothness(p, q, stop):
    """Per example: KL(p||q) + KL(q||p), the first argument of each constant if asked for; or (p - q)^2."""
    if p.shape[1] == 1:
        return (p - q).pow(2).squeeze(1)
    lp, lq = F.log_softmax(p, -1), F.log_softmax(q, -1)
    first = (lambda x: x.detach()) if stop else (lambda x: x)
    return (first(lp).exp() * (first(lp) - lq)).sum(-1) + (first(lq).exp() * (first(lq) - lp)).sum(-1)


def smart(batch, noise, s):
    z = batch.logits()
    delta = noise
    for _ in range(s["smart_steps"]):
        delta = delta.detach().requires_grad_()
        (g,) = torch.autograd.grad(smoothness(z.detach(), batch.logits(delta), False).sum(), delta)
        if s.get("smart_projection") == "public-code":
            moved = delta + s["smart_step_size"] * g
            delta = moved / (moved.abs().max(-1, keepdim=True).values + 1e-6)
        else:
            e = s["smart_epsilon"]
            rows = zip(delta.split(batch.lengths), g.split(batch.lengths))
            delta = torch.cat([(d + s["smart_step_size"] * h / h.abs().max()).clamp(-e, e) for d, h in rows])
    delta = delta.detach()
    ce = clean_loss(z, batch.labels)
    kl = smoothness(z, batch.logits(delta), s.get("smart_stop_grad") == "targets").mean()
    weight = fp32(s["smart_lambda"] * batch.scale)
    return len(batch.lengths) * (batch.scale * ce + weight * kl), [ce.item(), kl.item()], delta


def freelb(batch, noise, s):
    steps, radius = s["freelb_steps"], s["freelb_max_norm"]
    delta = noise
    losses = []
    for t in range(steps):
        delta = delta.detach().requires_grad_()
        losses.append(clean_loss(batch.logits(delta), batch.labels))
        if t + 1 == steps:
            break
        (g,) = torch.autograd.grad(losses[-1], delta, retain_graph=True)
        rows = []
        for d, h in zip(delta.split(batch.lengths), g.split(batch.lengths)):
            if s["freelb_norm"] == "l2":
                d = d + s["freelb_adv_lr"] * h / h.norm()
                rows.append(d * (radius / d.norm()).clamp(max=1))
            else:
                rows.append((d + s["freelb_adv_lr"] * h / h.abs().max()).clamp(-radius, radius))
        delta = torch.cat(rows)
    weight = fp32(batch.scale / steps)
    return len(batch.lengths) * weight * sum(losses), [losses[0].item(), losses[-1].item()], delta.detach()


def fingerprint(x):
    x = x.detach().flatten()
    return [x.norm().item(), torch.dot(x, torch.arange(len(x)).double().cos()).item()]


def evaluate(model, weights, batches, noises, name, decay_all):
    settings = SETTINGS[name]
    method = smart if name.startswith("smart") else freelb
    run = lambda i: method(batches[i], noises[i], settings)
    model.load_state_dict(weights)
    model.zero_grad()
    loss, parts, delta = run(0)
    loss.backward()
    gradients = {n: fingerprint(p.grad) for n, p in model.named_parameters()}
    opt = optimizer(model, decay_all)
    losses = []
    for step in range(STEPS):
        opt.zero_grad()
        loss, _, _ = run(step % 2)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(name, parts, losses[0], "->", losses[-1], "delta", delta.norm().item(), delta.abs().max().item())
    return dict(parts=parts, delta=fingerprint(delta), gradients=gradients, losses=losses)


def main():
    models = {}
    for name, (_, _, _, _, decay_all) in MODELS.items():
        print(name)
        model = AutoModelForSequenceClassification.from_pretrained(GOLDENS / name).double().eval()
        for layer in model.modules():
            if isinstance(layer, torch.nn.LayerNorm):
                layer.eps = fp32(layer.eps)
        weights = {n: t.clone() for n, t in model.state_dict().items()}
        stored = json.loads((GOLDENS / name / "goldens.json").read_text())
        tensors = load_file(GOLDENS / name / "goldens.safetensors")
        batches = [Batch(model, b) for b in stored["batches"]]
        noises = [tensors[f"noise/{i}"].double() for i in range(2)]
        models[name] = {s: evaluate(model, weights, batches, noises, s, decay_all) for s in SETTINGS}
    text = json.dumps(dict(settings=SETTINGS, models=models), separators=(",", ":"))
    OUT.write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
