"""Writes noise_goldens.json: what torch computes for R-Drop, HyPe and SiFT on the tiny models of the model's goldens.

Made with Python 3.11, torch 1.13.1, transformers 4.40.2, numpy 1.24.2. The build never runs this.

    python engine/src/test/python/noise_goldens.py

Models and batches are those in model/src/test/resources/goldens. Dropout is on, and noise is drawn: both from a Philox of
this script's own, from the keys and counters that io.holdfast.kernels.Key and Philox define, so nothing is passed from one
side to the other. Everything is computed in double. Update k draws from Key.of(SEED).at(k).

A tensor is stored by two numbers, its L2 norm and its product with cos(0), cos(1), cos(2), ... over all its elements:
    gradients   of batch 0, by parameter
and losses are ten steps of torch.optim.AdamW, batches 0 and 1 in turn, from the stored weights.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoModelForSequenceClassification

ROOT = pathlib.Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "model/src/test/python"))
from make_goldens import MODELS, STEPS, clean_loss, optimizer, padded  # noqa: E402

GOLDENS = ROOT / "model/src/test/resources/goldens"
OUT = ROOT / "engine/src/test/resources/io/holdfast/engine/criteria/noise_goldens.json"

SEED = 7
SIFT = dict(sift_lambda=0.75, sift_init_perturbation=0.25, sift_step_size=0.5)
SETTINGS = {
    "r_drop": dict(r_drop_alpha=0.75),
    "hype-uniform": dict(hype_eps=0.25, hype_noise_type="uniform"),
    "hype-normal": dict(hype_eps=0.25, hype_noise_type="normal"),
    "sift-targets": dict(SIFT, sift_stop_grad="targets"),
    "sift-none": dict(SIFT, sift_stop_grad="none"),
}
PERTURBED_BRANCH, SIFT_START = 5, 8
EMBEDDING_DROPOUT, HEAD_INPUT_DROPOUT, HEAD_DROPOUT = 1, 2, 3
layer_site = lambda layer, part: 16 + 4 * layer + part
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = (z + GOLDEN) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def at(key, index):
    return mix(key ^ mix((index + GOLDEN) & MASK))


def words(key, stream, position, column, head):
    """Philox4x32-10 of arrays that broadcast together: one word each."""
    u64 = lambda x: np.asarray(x, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    column = np.asarray(column)
    shape = np.broadcast_shapes(*(np.shape(x) for x in (stream, position, column, head)))
    c = [np.broadcast_to(u64(x), shape) for x in (column // 32 * 8 + column % 8, position, stream, head)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = u64(0xD2511F53) * c[0], u64(0xCD9E8D57) * c[2]
        shift = np.uint64(32)
        c = [(p1 >> shift) ^ c[1] ^ u64(k0), p1 & low, (p0 >> shift) ^ c[3] ^ u64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    which = np.broadcast_to(column // 8 % 4, shape)
    return np.choose(which, c)


def uniform(*counter):
    return (words(*counter) >> np.uint64(8)) / 2.0**24


def noise(key, kind, eps, streams, length, width):
    """[sequences, length, width]"""
    stream, position = np.array(streams)[:, None, None], np.arange(length)[None, :, None]
    column = np.arange(width)
    if kind == "uniform":
        z = 2 * uniform(key, stream, position, column, 0) - 1
    else:
        radius = column // 16 * 16 + column % 8
        r = np.sqrt(-2 * np.log(1 - uniform(key, stream, position, radius, 0)))
        angle = 2 * np.pi * uniform(key, stream, position, radius + 8, 0)
        z = r * np.where(column == radius, np.cos(angle), np.sin(angle))
    return torch.from_numpy(eps * z)


class Draw:
    """What is drawn from at the moment: the key of an update, and the streams of a batch's sequences."""

    key, streams = 0, []


class Dropout(torch.nn.Module):
    """In place of torch's. A module that is called more than once in a forward has a site for each call."""

    def __init__(self, p, *sites):
        super().__init__()
        self.p, self.sites, self.calls = float(np.float32(p)), sites, 0

    def forward(self, x):
        site = self.sites[self.calls % len(self.sites)]
        self.calls += 1
        stream = np.array(Draw.streams)
        column = np.arange(x.shape[-1])
        if x.dim() == 2:  # a row for a sequence
            counter = stream[:, None], 0, column, 0
        elif x.dim() == 3:  # a row for a token
            counter = stream[:, None, None], np.arange(x.shape[1])[:, None], column, 0
        else:  # attention: sequences, heads, queries, keys
            head, query = np.arange(x.shape[1])[:, None, None] + 1, np.arange(x.shape[2])[:, None]
            counter = stream[:, None, None, None], query, column, head
        keeps = words(at(Draw.key, site), *counter) >= np.uint64(round(self.p * 2**32))
        return x * torch.from_numpy(keeps / (1 - self.p))


def replace_dropout(model):
    config = model.config
    bert = config.model_type == "bert"
    body = model.bert if bert else model.roberta
    hidden, attention = config.hidden_dropout_prob, config.attention_probs_dropout_prob
    head = hidden if config.classifier_dropout is None else config.classifier_dropout
    body.embeddings.dropout = Dropout(hidden, EMBEDDING_DROPOUT)
    for i, layer in enumerate(body.encoder.layer):
        layer.attention.self.dropout = Dropout(attention, layer_site(i, 0))
        layer.attention.output.dropout = Dropout(hidden, layer_site(i, 1))
        layer.output.dropout = Dropout(hidden, layer_site(i, 2))
    if bert:
        model.dropout = Dropout(head, HEAD_DROPOUT)
    else:
        model.classifier.dropout = Dropout(head, HEAD_INPUT_DROPOUT, HEAD_DROPOUT)
    return body


class Batch:
    def __init__(self, model, batch):
        self.model = model
        self.inputs, self.ids, _ = padded(batch, model.config.pad_token_id)
        dtype = torch.double if model.config.num_labels == 1 else torch.long
        self.labels = torch.tensor(batch["labels"], dtype=dtype)

    def logits(self, copy=0):
        Draw.streams = [i ^ (copy << 29) for i in range(len(self.ids))]
        return self.model(input_ids=self.ids, **self.inputs).logits


def r_drop(batch, s):
    p, q = batch.logits(0), batch.logits(1)
    ce = (clean_loss(p, batch.labels) + clean_loss(q, batch.labels)) / 2
    if p.shape[1] == 1:
        apart = (p - q).pow(2).mean()
        return ce + s["r_drop_alpha"] * apart, [ce.item(), apart.item()]
    lp, lq = F.log_softmax(p, -1), F.log_softmax(q, -1)
    kl = F.kl_div(lq, lp, reduction="batchmean", log_target=True)
    kl = kl + F.kl_div(lp, lq, reduction="batchmean", log_target=True)
    return ce + s["r_drop_alpha"] / 2 * kl, [ce.item(), kl.item()]


def hype(batch, s):
    def add(site):
        def hook(_, args):
            x = args[0]
            z = noise(at(Draw.key, site), s["hype_noise_type"], s["hype_eps"], Draw.streams, *x.shape[1:])
            return (x + z, *args[1:])

        return hook

    layers = batch.model.base_model.encoder.layer
    hooks = [layer.register_forward_pre_hook(add(layer_site(i, 3))) for i, layer in enumerate(layers)]
    loss = clean_loss(batch.logits(), batch.labels)
    for hook in hooks:
        hook.remove()
    return loss, [loss.item()]


def distance(p, q, targets):
    """Per example: KL(p||q) + KL(q||p), the first argument of each constant if asked for; or (p - q)^2."""
    if p.shape[1] == 1:
        return (p - q).pow(2).squeeze(1)
    lp, lq = F.log_softmax(p, -1), F.log_softmax(q, -1)
    first = (lambda x: x.detach()) if targets else (lambda x: x)
    return (first(lp).exp() * (first(lp) - lq)).sum(-1) + (first(lq).exp() * (first(lq) - lp)).sum(-1)


def sift(batch, s):
    embeddings = batch.model.base_model.embeddings
    seen = []
    hook = embeddings.LayerNorm.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    key = Draw.key
    p = batch.logits()
    hook.remove()
    n = F.layer_norm(seen[0], seen[0].shape[-1:], eps=batch.model.config.layer_norm_eps)
    init = s["sift_init_perturbation"]
    delta = noise(at(key, SIFT_START), "normal", init, Draw.streams, *n.shape[1:]).clamp(-2 * init, 2 * init)
    Draw.key = at(key, PERTURBED_BRANCH)

    def perturbed(delta):
        hook = embeddings.LayerNorm.register_forward_pre_hook(lambda _, args: (n + delta,))
        q = batch.logits()
        hook.remove()
        return q

    targets = s["sift_stop_grad"] == "targets"
    delta.requires_grad_()
    (g,) = torch.autograd.grad(distance(p.detach(), perturbed(delta), targets).sum(), delta)
    delta = delta.detach() + s["sift_step_size"] * g / (g.abs().max(-1, keepdim=True).values + 1e-6)
    ce = clean_loss(p, batch.labels)
    kl = distance(p, perturbed(delta), targets).mean()
    return ce + s["sift_lambda"] * kl, [ce.item(), kl.item()]


def fingerprint(x):
    x = x.detach().flatten()
    return [x.norm().item(), torch.dot(x, torch.arange(len(x)).double().cos()).item()]


def evaluate(model, weights, batches, name, decay_all):
    def run(step):
        Draw.key = at(mix(SEED), step)
        return method(batches[step % 2], SETTINGS[name])

    method = dict(r_drop=r_drop, hype=hype, sift=sift)[name.split("-")[0]]
    model.load_state_dict(weights)
    model.zero_grad()
    loss, parts = run(0)
    loss.backward()
    gradients = {n: fingerprint(p.grad) for n, p in model.named_parameters()}
    opt = optimizer(model, decay_all)
    losses = []
    for step in range(STEPS):
        opt.zero_grad()
        loss, _ = run(step)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(name, parts, losses[0], "->", losses[-1])
    return dict(parts=parts, gradients=gradients, losses=losses)


def main():
    models = {}
    for name, (_, _, _, _, decay_all) in MODELS.items():
        print(name)
        model = AutoModelForSequenceClassification.from_pretrained(GOLDENS / name).double().eval()
        replace_dropout(model)
        weights = {n: t.clone() for n, t in model.state_dict().items()}
        stored = json.loads((GOLDENS / name / "goldens.json").read_text())
        batches = [Batch(model, b) for b in stored["batches"]]
        models[name] = {s: evaluate(model, weights, batches, s, decay_all) for s in SETTINGS}
    text = json.dumps(dict(seed=SEED, settings=SETTINGS, models=models), separators=(",", ":"))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
