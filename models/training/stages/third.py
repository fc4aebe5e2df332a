"""Third stage: what the checkpoint sees and does not say. python -m stages.third --start ../demo --out work/third-out --views work/views --work work/third

Trains the last vision block, the merger and the decoder on the pictures of views.py: longer rows than before, so that questions in both polarities and both
languages fit beside the image, and the questions that were not learnt asked more often. The optimizer is that of the first stage (Muon for matrices).
Seeded; resumes from WORK/state.pt; writes WORK/training-log.jsonl. The rate falls to nothing from step --decay's first to its second number, or as WORK/decay says.
"""
from __future__ import annotations

import argparse
import copy
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as nnf

from stages import adapt
from pictures import mix
from network import model as M
from network import optim
from language import tasks
from stages import views
from network import warm
from language import yesno
from pictures.data import Packer, Shards, normalise

AVAILABLE_FIRST = 12  # views that must exist at the first step; every step waits for as many as it may draw from


class Optimizer:
    """Muon for the matrices inside blocks, AdamW for the rest; auxiliary heads learn faster."""

    def __init__(self, named, lr, adam_lr, muon=True):
        matrix = lambda n, p: muon and p.ndim == 2 and not n.startswith('heads') and 'embed' not in n and min(p.shape) > 16
        self.params = [p for _, p in named]
        matrices = [(p, 3 if 'qkv' in n else 1) for n, p in named if matrix(n, p)]
        self.muon, self.lr = optim.Muon(matrices) if matrices else None, lr
        rest = {False: [], True: []}
        for n, p in named:
            if not matrix(n, p):
                rest[n.startswith('heads')].append(p)
        self.adam = torch.optim.AdamW([{'params': g, 'base': adam_lr * (5 if heads else 1)} for heads, g in rest.items() if g], lr=adam_lr, betas=(0.9, 0.98),
                                      weight_decay=0.01, fused=True)

    def step(self, share):
        if self.muon:
            self.muon.step(self.lr * share)
        for g in self.adam.param_groups:
            g['lr'] = g['base'] * share
        self.adam.step()
        for p in self.params:
            p.grad = None

    def state_dict(self):
        return {'muon': self.muon.state_dict() if self.muon else None, 'adam': self.adam.state_dict()}

    def load_state_dict(self, s):
        if self.muon:
            self.muon.load_state_dict(s['muon'])
        self.adam.load_state_dict(s['adam'])


def units_of(rng, t):
    """Questions about a picture, most needed first, as many as its row holds."""
    if t['kind'] != 'fundus':
        told = tasks.sample_pairs(rng, t, 4)
        asked = yesno.contrast_units(rng, t, 1)
    elif t.get('real'):
        told, asked = tasks.sample_pairs(rng, t, 2), yesno.contrast_units(rng, t, 4, always='referable' if rng.random() < 0.6 else 'oedema')
        return asked[:3] + told[:1] + asked[3:] + told[1:]
    else:
        always = 'conclusion' if rng.random() < 0.6 else None
        told, asked = tasks.sample_pairs(rng, t, 4, always), yesno.contrast_units(rng, t, 2)
    out = told + asked
    return [out[i] for i in rng.permutation(len(out))]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--start', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--views', required=True)
    p.add_argument('--data', required=True, help='drawn data set, for the statistics that warm.py needs')
    p.add_argument('--work', required=True)
    p.add_argument('--seed', type=int, default=5)
    p.add_argument('--batch', type=int, default=10)
    p.add_argument('--length', type=int, default=256)
    p.add_argument('--lr', type=float, default=8e-4, help='of Muon')
    p.add_argument('--adam-lr', type=float, default=4e-4)
    p.add_argument('--adam-only', action='store_true')
    p.add_argument('--warm-up', type=int, default=10)
    p.add_argument('--decay', default='200:600')
    p.add_argument('--yes-weight', type=float, default=3.0)
    p.add_argument('--often', type=float, default=1.7, help='how much more often a real fundus photograph is chosen than another picture of its view')
    p.add_argument('--aux-weight', type=float, default=0.25)
    p.add_argument('--heads-first', type=int, default=40)
    p.add_argument('--count', type=int, default=260, help='views')
    p.add_argument('--without', nargs='*', default=[], help='sources left out: their photographs, and every picture that has its colours or spectrum from one of them')
    p.add_argument('--export-every', type=int, default=100)
    a = p.parse_args()
    torch.set_num_threads(1)
    M.DTYPE = dtype = optim.ARITHMETIC = torch.float32
    os.makedirs(a.work, exist_ok=True), os.makedirs(a.out, exist_ok=True)
    from transformers import AutoTokenizer
    tok = AutoTokenizer.from_pretrained(a.start)
    net, packer, shards = warm.load(a.start), Packer(tok), Shards(a.data)
    torch.manual_seed(a.seed)
    pixels = normalise(np.concatenate([shards.get(i)[0][:20] for i in shards.of_size((224, 224), 12)]))
    tower, _ = warm.tower_from(net.model.visual, pixels)
    heads, lm = adapt.Heads(), net.model.language_model
    still = ('bank', *(f'blocks.{i}.' for i in range(views.LOWER)))
    for n, q in tower.named_parameters():
        q.requires_grad_(not n.startswith(still))
    vision = Optimizer([(n, q) for n, q in tower.named_parameters() if q.requires_grad] + [('heads.' + n, q) for n, q in heads.named_parameters()],
                       a.lr * .5, a.adam_lr * .5, not a.adam_only)
    language = Optimizer(list(lm.named_parameters()), a.lr, a.adam_lr, not a.adam_only)
    parts = {'tower': tower, 'heads': heads, 'lm': lm, 'vision': vision, 'language': language}
    step, state_file, log_file = 0, os.path.join(a.work, 'state.pt'), os.path.join(a.work, 'training-log.jsonl')
    if os.path.exists(state_file):
        saved = torch.load(state_file, weights_only=False)
        for k, part in parts.items():
            part.load_state_dict(saved[k])
        step = saved['step']
        with open(log_file, encoding='utf-8') as f:
            kept = [r for r in f if r.endswith('}\n') and json.loads(r)['step'] < step]
        with open(log_file, 'w', encoding='utf-8') as f:
            f.writelines(kept)
    log, started = open(log_file, 'a', encoding='utf-8'), time.time()

    def save():
        torch.save({**{k: part.state_dict() for k, part in parts.items()}, 'step': step}, state_file + '.tmp')
        os.replace(state_file + '.tmp', state_file)

    def write():
        from network.export import export
        tower.write_into(net.model.visual)
        export(copy.deepcopy(net), tok, a.out)

    sure = torch.tensor([packer.enc(answer)[0] for lang in ('en', 'ru') for answer in yesno.ANSWERS[lang].values()])
    decay, loaded = tuple(int(v) for v in a.decay.split(':')), {}
    while True:
        if os.path.exists(os.path.join(a.work, 'decay')):
            with open(os.path.join(a.work, 'decay')) as f:
                decay = tuple(int(v) for v in f.read().split()[:2])
        if step >= decay[1]:
            break
        share = max(1e-3, adapt.share_of(step, a.warm_up, decay))
        rng = np.random.default_rng([a.seed, step])
        upto = min(a.count, AVAILABLE_FIRST + step // 4)  # deterministic however fast the views are made
        i = int(rng.integers(upto))
        path, waited = os.path.join(a.views, f'{i:05d}.pkl'), 0
        while not os.path.exists(path):
            if waited % 30 == 0:
                print(f'step {step} waits for {path}: views.py has to go on, or --count has to be the number of views there are', flush=True)
            time.sleep(1)
            waited += 1
        if i not in loaded:
            loaded[i] = views.load(a.views, i)
        v = loaded[i]
        weight = np.array([a.often if t.get('real') and t['kind'] == 'fundus' else 1 for t in v['truths']])
        if a.without:
            weight = weight * [not set(a.without) & set(t['from']) for t in v['truths']]
        chosen = rng.choice(len(v['truths']), a.batch, replace=False, p=weight / weight.sum())
        truths, cells = [v['truths'][k] for k in chosen], torch.from_numpy(v['cells'][chosen]).float()
        gh, gw = v['grid']
        rows, cols = gh // 2, gw // 2
        feats = tower.upper(torch.from_numpy(v['x'][chosen]).float(), gh, gw, views.LOWER)
        lab = mix.targets(truths, rows, cols)
        aux, stats = adapt.aux_loss(heads, feats.detach() if step < a.heads_first else feats, cells, lab, rows, cols)
        row = {'step': step, 'share': share, 'images': a.batch, 'aux': aux.item(), **stats}
        ids, pos, mask, target = packer.pack([units_of(rng, t) for t in truths], rows, cols, a.length)
        p0, m = len(packer.head), feats.shape[1]
        used = int((target >= 0).any(0).nonzero().max()) + 1
        ids, pos, mask, target = ids[:, :used], pos[:, :, :used], mask[:, :, :used, :used], target[:, :used]
        emb = lm.embed_tokens.weight[ids]
        emb = torch.cat([emb[:, :p0], feats, emb[:, p0 + m:]], 1)
        h = M.decoder_forward(lm, emb, pos, mask, dtype)
        on = target >= 0
        logits = h[on] @ lm.embed_tokens.weight.T
        each = nnf.cross_entropy(logits, target[on], reduction='none')
        first = (torch.cat([torch.zeros(len(target), 1, dtype=torch.bool), target[:, :-1] >= 0], 1) == 0)[on]
        weight = torch.where(first, 2.0, 1.0)
        yes_no = first & torch.isin(target[on], sure)
        weight[yes_no] = a.yes_weight
        right = logits.argmax(-1) == target[on]
        row.update(text=each.mean().item(), first_token=right[first].float().mean().item(), token_accuracy=right.float().mean().item(), tokens=used)
        if yes_no.any():
            row['yes_no'], row['yes_no_loss'] = right[yes_no].float().mean().item(), each[yes_no].mean().item()
        (a.aux_weight * aux + 2 * (each * weight).sum() / weight.sum()).backward()
        row['grad'] = optim.average_gradients(vision.params, 5.0)
        row['grad_text'] = optim.average_gradients(language.params, 5.0)
        vision.step(share)
        language.step(share)
        step += 1
        row['seconds'] = round(time.time() - started, 1)
        log.write(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}) + '\n')
        log.flush()
        if step % 50 == 0:
            save()
        if step % a.export_every == 0:
            write()
    save(), write()


if __name__ == '__main__':
    main()
