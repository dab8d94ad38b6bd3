"""Writes adversarial_goldens.json: what torch computes for SMART and FreeLB on the tiny models of the model's goldens.

Made with Python 3.11, torch 1.13.1, transformers 4.40.2, numpy 1.24.2. The build never runs this.

    python engine/src/test/python/adversarial_goldens.py

As noise_goldens.py, whose Philox draws dropout and the first perturbations here; and from batch 0 also
    delta       the perturbation after the ascent, [tokens, hidden]
Numbers that Holdfast keeps in fp32 (LayerNorm's eps, the weights of the terms) are rounded to it: Adam divides a gradient
by its size, so where one cancels to 1e-8 that would show in the next losses.
"""

import json

import numpy as np
import torch
import torch.nn.functional as F
from noise_goldens import GOLDENS, OUT, SEED, Batch, Draw, at, fingerprint, mix, noise, replace_dropout
from make_goldens import MODELS, STEPS, clean_loss, optimizer  # noise_goldens has put it on the path
from transformers import AutoModelForSequenceClassification

SMART_START, PERTURBED_BRANCH, FREELB_START = 4, 5, 6

SMART = dict(smart_steps=2, smart_lambda=0.75, smart_noise_std=0.125, smart_step_size=0.0625, smart_epsilon=0.1875)
PUBLIC = dict(SMART, smart_step_size=0.5, smart_projection="public-code", smart_stop_grad="targets")
SETTINGS = {
    "smart-paper": dict(SMART),
    "smart-shared": dict(SMART, smart_dropout="shared"),
    "smart-public": PUBLIC,
    "freelb-l2": dict(freelb_norm="l2", freelb_init_mag=4, freelb_adv_lr=0.5, freelb_max_norm=2.5),
    "freelb-linf": dict(freelb_norm="linf", freelb_init_mag=0.1875, freelb_adv_lr=0.0625, freelb_max_norm=0.21875),
}


def fp32(x):
    return float(np.float32(x))


class Perturbed(Batch):
    """A batch whose perturbations are packed, [tokens, hidden]."""

    def __init__(self, model, batch):
        super().__init__(model, batch)
        self.mask = self.inputs["attention_mask"].bool()
        self.lengths = self.mask.sum(1).tolist()
        self.scale = fp32(1 / len(self.lengths))

    def start(self, site, kind, sizes):
        """sizes: of each sequence's perturbation, in fp32"""
        streams = range(len(self.lengths))
        z = noise(at(Draw.key, site), kind, 1, streams, self.mask.shape[1], self.model.config.hidden_size)
        return z[self.mask] * torch.tensor([fp32(s) for s in sizes]).double().repeat_interleave(torch.tensor(self.lengths))[:, None]

    def perturbed(self, delta):
        Draw.streams = list(range(len(self.lengths)))
        embeddings = self.model.get_input_embeddings()(self.ids)
        embeddings = embeddings + torch.zeros_like(embeddings).masked_scatter(self.mask[..., None], delta)
        return self.model(inputs_embeds=embeddings, **self.inputs).logits


def smoothness(p, q, stop):
    """Per example: KL(p||q) + KL(q||p), the first argument of each constant if asked for; or (p - q)^2."""
    if p.shape[1] == 1:
        return (p - q).pow(2).squeeze(1)
    lp, lq = F.log_softmax(p, -1), F.log_softmax(q, -1)
    first = (lambda x: x.detach()) if stop else (lambda x: x)
    return (first(lp).exp() * (first(lp) - lq)).sum(-1) + (first(lq).exp() * (first(lq) - lp)).sum(-1)


def smart(batch, s):
    z = batch.logits()
    delta = batch.start(SMART_START, "normal", [s["smart_noise_std"]] * len(batch.lengths))
    if s.get("smart_dropout") != "shared":
        Draw.key = at(Draw.key, PERTURBED_BRANCH)
    for _ in range(s["smart_steps"]):
        delta = delta.detach().requires_grad_()
        (g,) = torch.autograd.grad(smoothness(z.detach(), batch.perturbed(delta), False).sum(), delta)
        if s.get("smart_projection") == "public-code":
            moved = delta + s["smart_step_size"] * g
            delta = moved / (moved.abs().max(-1, keepdim=True).values + 1e-6)
        else:
            e = s["smart_epsilon"]
            rows = zip(delta.split(batch.lengths), g.split(batch.lengths))
            delta = torch.cat([(d + s["smart_step_size"] * h / h.abs().max()).clamp(-e, e) for d, h in rows])
    delta = delta.detach()
    ce = clean_loss(z, batch.labels)
    kl = smoothness(z, batch.perturbed(delta), s.get("smart_stop_grad") == "targets").mean()
    weight = fp32(s["smart_lambda"] * batch.scale)
    return len(batch.lengths) * (batch.scale * ce + weight * kl), [ce.item(), kl.item()], delta


def freelb(batch, s):
    steps, radius, l2 = 3, s["freelb_max_norm"], s["freelb_norm"] == "l2"
    h = batch.model.config.hidden_size
    sizes = [s["freelb_init_mag"] / (n * h) ** 0.5 if l2 else s["freelb_init_mag"] for n in batch.lengths]
    delta = batch.start(FREELB_START, "uniform", sizes)
    losses = []
    for t in range(steps):
        delta = delta.detach().requires_grad_()
        losses.append(clean_loss(batch.perturbed(delta), batch.labels))
        if t + 1 == steps:
            break
        (g,) = torch.autograd.grad(losses[-1], delta, retain_graph=True)
        rows = []
        for d, h in zip(delta.split(batch.lengths), g.split(batch.lengths)):
            if l2:
                d = d + s["freelb_adv_lr"] * h / h.norm()
                rows.append(d * (radius / d.norm()).clamp(max=1))
            else:
                rows.append((d + s["freelb_adv_lr"] * h / h.abs().max()).clamp(-radius, radius))
        delta = torch.cat(rows)
    weight = fp32(batch.scale / steps)
    return len(batch.lengths) * weight * sum(losses), [losses[0].item(), losses[-1].item()], delta.detach()


def evaluate(model, weights, batches, name, decay_all):
    def run(step):
        Draw.key = at(mix(SEED), step)
        return (smart if name.startswith("smart") else freelb)(batches[step % 2], SETTINGS[name])

    model.load_state_dict(weights)
    model.zero_grad()
    loss, parts, delta = run(0)
    loss.backward()
    gradients = {n: fingerprint(p.grad) for n, p in model.named_parameters()}
    opt = optimizer(model, decay_all)
    losses = []
    for step in range(STEPS):
        opt.zero_grad()
        loss, _, _ = run(step)
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
        replace_dropout(model)
        for layer in model.modules():
            if isinstance(layer, torch.nn.LayerNorm):
                layer.eps = fp32(layer.eps)
        weights = {n: t.clone() for n, t in model.state_dict().items()}
        stored = json.loads((GOLDENS / name / "goldens.json").read_text())
        batches = [Perturbed(model, b) for b in stored["batches"]]
        models[name] = {s: evaluate(model, weights, batches, s, decay_all) for s in SETTINGS}
    text = json.dumps(dict(seed=SEED, settings=SETTINGS, models=models), separators=(",", ":"))
    OUT.with_name("adversarial_goldens.json").write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
