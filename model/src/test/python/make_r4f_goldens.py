"""Writes r4f.json and r4f.safetensors next to some goldens of make_goldens.py: what torch.nn.utils.spectral_norm makes of R3F.

Made with Python 3.11, torch 1.13.1, transformers 4.40.2, safetensors 0.4.5. The build never runs this.

    python model/src/test/python/make_r4f_goldens.py [FOLDER]

Model, batches and noise are those of the folder. The head's modules in scope are wrapped, from stored u and v on; clean and
noised branch are one forward, so there is one power iteration a step. Everything is computed in double.
    r4f.json           scope, ce, kl and ten training losses; "logits" of batch 0 in eval mode after the ten steps
    r4f.safetensors    r4f/NAME: gradients of the first step; start/NAME_u, start/NAME_v, end/NAME_u, end/NAME_v: before the
                       first and after the last step
"""

import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch.nn.utils import spectral_norm
from transformers import AutoModelForSequenceClassification

from make_goldens import LAMBDA, STEPS, clean_loss, optimizer, padded, plain

SCOPES = {"roberta-classes2": "out_proj", "bert-classes3": "head", "bert-regression": "out_proj"}


def wrap(model, scope):
    """The wrapped modules by the name of their weight; dropout stays off elsewhere."""
    bert = hasattr(model, "bert")
    modules = {"classifier": model.classifier} if bert else {"classifier.out_proj": model.classifier.out_proj}
    if scope == "head":
        modules["bert.pooler.dense"] = model.bert.pooler.dense
    for module in modules.values():
        spectral_norm(module)
        for vector in (module.weight_u, module.weight_v):
            vector.copy_(F.normalize(torch.randn(vector.shape), dim=0))  # fp32 numbers
        module.train()
    return {f"{name}.weight": module for name, module in modules.items()}


def run(model, batch, noise):
    inputs, ids, mask = padded(batch, model.config.pad_token_id)
    clean = model.get_input_embeddings()(ids)
    noised = clean.detach().clone()
    noised[mask] += noise
    both = {name: torch.cat([rows, rows]) for name, rows in inputs.items()}
    p, q = model(inputs_embeds=torch.cat([clean, noised]), **both).logits.chunk(2)
    ce = clean_loss(p, batch["labels"])
    if p.shape[1] == 1:
        kl = (p - q).pow(2).mean()
    else:
        lp, lq = F.log_softmax(p, -1), F.log_softmax(q, -1)
        kl = ((lp.exp() - lq.exp()) * (lp - lq)).sum(-1).mean()
    return ce + LAMBDA * kl, ce, kl


def vectors(modules, prefix):
    state = {f"{prefix}/{name}_u": m.weight_u for name, m in modules.items()}
    state.update({f"{prefix}/{name}_v": m.weight_v for name, m in modules.items()})
    return {name: vector.float().clone() for name, vector in state.items()}


def make(folder, scope):
    settings = json.loads((folder / "goldens.json").read_text())
    stored = load_file(folder / "goldens.safetensors")
    noises = [stored[f"noise/{i}"].double() for i in range(2)]
    model = AutoModelForSequenceClassification.from_pretrained(folder).double().eval()
    batches = settings["batches"]
    for batch in batches:
        real = model.config.num_labels == 1
        batch["labels"] = torch.tensor(batch["labels"], dtype=torch.double if real else torch.long)
    modules = wrap(model, scope)
    tensors = vectors(modules, "start")
    opt = optimizer(model, settings["decay_bias_and_layernorm"])
    out = dict(scope=scope, losses=[])
    for step in range(STEPS):
        opt.zero_grad()
        loss, ce, kl = run(model, batches[step % 2], noises[step % 2])
        loss.backward()
        if step == 0:
            out.update(ce=plain(ce), kl=plain(kl))
            gradients = {n.replace("_orig", ""): p.grad.float().clone() for n, p in model.named_parameters()}
            tensors.update({f"r4f/{n}": g for n, g in gradients.items()})
        opt.step()
        out["losses"].append(loss.item())
    tensors.update(vectors(modules, "end"))
    inputs, ids, _ = padded(batches[0], model.config.pad_token_id)
    out["logits"] = plain(model.eval()(input_ids=ids, **inputs).logits)
    save_file(tensors, folder / "r4f.safetensors")
    (folder / "r4f.json").write_text(json.dumps(out) + "\n")
    print(folder.name, scope, "loss", out["losses"][0], "->", out["losses"][-1], "kl", out["kl"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "model/src/test/resources/goldens")
    for seed, (name, scope) in enumerate(SCOPES.items()):
        torch.manual_seed(2000 + seed)
        make(root / name, scope)
