"""Second stage of training: real photographs mixed with drawn ones, from the checkpoint that train.py made.

    python -m stages.adapt --start work/base --out ../demo --fundus FUNDUS --others REAL/photos --data work/train --work work/adapt

FUNDUS is the folder with labels.csv, images and masks; REAL is made by real_images.py. Both parts of the model are trained from the first
step on. The rate is constant after a warm-up until --decay's first step and falls to nothing at its second; while a run goes on, a file WORK/decay
('first last') says the same (it is written to the log, so that a run can be repeated with --decay). --without leaves sources out.
Seeded; resumes from WORK/state.pt; writes training-log.jsonl.
"""
from __future__ import annotations

import argparse
import copy
import json
import os
import pickle
import tempfile
import time

import cv2
import numpy as np
import torch
import torch._dynamo
import torch.distributed as dist
import torch.nn.functional as nnf
from torch import nn

from pictures import mix
from network import model as M
from pictures import real
from language import tasks
from network import warm
from language import yesno
from pictures.data import Packer, Shards, normalise
from generator.findings import FINDINGS
from network.optim import average_gradients


class Optimizers:
    """AdamW for one part of the model; the auxiliary heads, which start from nothing, learn faster."""

    def __init__(self, named, lr):
        groups = {False: [], True: []}
        for n, p in named:
            groups[n.startswith('heads')].append(p)
        self.params = [p for g in groups.values() for p in g]
        self.adam = torch.optim.AdamW([{'params': g, 'base': lr * (5 if heads else 1)} for heads, g in groups.items() if g], lr=lr, betas=(0.9, 0.98),
                                      weight_decay=0.01, fused=True)

    def step(self, share):
        for g in self.adam.param_groups:
            g['lr'] = g['base'] * share
        self.adam.step()
        for p in self.params:
            p.grad = None

    def state_dict(self):
        return self.adam.state_dict()

    def load_state_dict(self, s):
        self.adam.load_state_dict(s)


class Heads(M.Heads):
    """The auxiliary heads, and those for what real photographs add."""

    def __init__(self):
        super().__init__(len(tasks.KIND_NAMES), len(FINDINGS))
        for name, n in (('grade', 5), ('dme', 3), ('referable', 2), ('glaucoma', 2), ('amd', 2), ('view', 2), ('fundus', 2)):
            self.pool[name] = nn.Linear(M.D_MODEL, n)


WEIGHTS = {'kind': 2.0, 'fundus': 1.5, 'eye': 1.0, 'cdr': 0.3, 'quality': 0.2, 'pallor': 0.2, 'grade': 0.7, 'dme': 0.5, 'referable': 1.0, 'glaucoma': 0.2,
           'amd': 0.2, 'view': 0.2}


def aux_loss(heads, feats, cells, lab, rows, cols):
    """Losses of everything that is known, and accuracies for the log."""
    c, spot, g = heads(feats, rows, cols)
    per_cell = nnf.binary_cross_entropy_with_logits(c, cells, pos_weight=torch.tensor(2.0), reduction='none') * lab['cells_known'][:, None]
    loss = per_cell.mean() * 6
    stats = {'cells': per_cell.mean().item()}
    if (lab['spot'] >= 0).any():
        where = nnf.cross_entropy(spot.transpose(1, 2).flatten(0, 1), lab['spot'].flatten(), ignore_index=-100)
        stats['spot'] = where.item()
        loss = loss + where
    known = lab['known']
    per = nnf.binary_cross_entropy_with_logits(g['findings'], lab['findings'], reduction='none') * known
    stats['findings'] = (per.sum() / known.sum().clamp(min=1)).item()
    loss = loss + 2.5 * per.sum() / known.sum().clamp(min=20)
    for k, w in WEIGHTS.items():
        ok = lab[k] >= 0
        if ok.any():  # a sum over a usual number of labels: the few of a batch do not weigh more than those of another
            loss = loss + w * nnf.cross_entropy(g[k], lab[k], ignore_index=-100, reduction='sum') / max(int(ok.sum()), 4)
            stats[k] = (g[k].argmax(-1)[ok] == lab[k][ok]).float().mean().item()
    return loss, stats


def share_of(step, warm_up, decay):
    first, last = decay
    return min(1.0, (step + 1) / warm_up) * float(np.clip((last - step) / max(1, last - first), 0, 1))


def run(rank, a, meeting):
    torch.set_num_threads(1), cv2.setNumThreads(1)
    M.DTYPE = dtype = getattr(torch, a.arithmetic)
    if a.workers > 1:
        dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=a.workers)
    from transformers import AutoTokenizer
    tok = AutoTokenizer.from_pretrained(a.start)
    net = warm.load(a.start)
    shards, packer = Shards(a.data, a.shards), Packer(tok)
    torch.manual_seed(a.seed)
    pixels = normalise(np.concatenate([shards.get(i)[0][:20] for i in shards.of_size((224, 224), 12)]))
    tower, worst = warm.tower_from(net.model.visual, pixels)
    heads, lm = Heads(), net.model.language_model
    with open(a.cache, 'rb') as f:
        photographs = pickle.load(f)
    if a.compile:
        torch._dynamo.config.recompile_limit = 64
        M.TOWER_BLOCK, M.DECODER_BLOCK, M.GATED = (torch.compile(f, dynamic=False) for f in (M._tower_block, M._decoder_block, M._gated))
    still = ('bank', *(f'blocks.{i}.' for i in range(a.frozen))) if a.frozen >= 0 else ()
    for n, p in tower.named_parameters():
        p.requires_grad_(not n.startswith(still or ('-',)))
    vision = Optimizers([(n, p) for n, p in tower.named_parameters() if p.requires_grad] + [('heads.' + n, p) for n, p in heads.named_parameters()], a.lr)
    language = Optimizers(list(lm.named_parameters()), a.lr)
    step, state_file, log_file = 0, os.path.join(a.work, 'state.pt'), os.path.join(a.work, 'training-log.jsonl')
    parts = {'tower': tower, 'heads': heads, 'lm': lm, 'vision': vision, 'language': language}
    if os.path.exists(state_file):
        saved = torch.load(state_file, weights_only=False)
        for k, part in parts.items():
            part.load_state_dict(saved[k])
        step = saved['step']
        if rank == 0:
            with open(log_file, encoding='utf-8') as f:
                kept = [r for r in f if r.endswith('}\n') and json.loads(r)['step'] < step]
            with open(log_file, 'w', encoding='utf-8') as f:
                f.writelines(kept)
    log = open(log_file, 'a', encoding='utf-8') if rank == 0 else None
    started = time.time()
    if rank == 0:
        print('started from', a.start, 'bank error', round(worst, 5), 'step', step, flush=True)

    def save():
        torch.save({**{k: part.state_dict() for k, part in parts.items()}, 'step': step}, state_file + '.tmp')
        os.replace(state_file + '.tmp', state_file)

    def write():
        from network.export import export
        tower.write_into(net.model.visual)
        export(copy.deepcopy(net), tok, a.out)

    decay = tuple(int(v) for v in a.decay.split(':'))
    sure = torch.tensor([packer.enc(answer)[0] for lang in ('en', 'ru') for answer in yesno.ANSWERS[lang].values()])
    while True:
        plan = torch.tensor(decay)
        if rank == 0 and os.path.exists(os.path.join(a.work, 'decay')):
            with open(os.path.join(a.work, 'decay')) as f:
                plan = torch.tensor([int(v) for v in f.read().split()[:2]])
        if a.workers > 1:
            dist.broadcast(plan, 0)
        decay = (int(plan[0]), int(plan[1]))
        last = min(decay[1], a.stop_after or decay[1])
        if step >= last:
            break
        share = max(1e-3, share_of(step, a.warm_up, decay))
        pixels, cells, truths = mix.batch(shards, photographs, a.seed, step, rank, a.batch // a.workers, a.shares, a.plain)
        rows, cols = pixels.shape[2] // 28, pixels.shape[3] // 28
        lab = mix.targets(truths, rows, cols)
        feats = tower(pixels, a.frozen)
        loss, stats = aux_loss(heads, feats.detach() if step < a.heads_first else feats, cells, lab, rows, cols)
        row = {'step': step, 'share': share, 'images': a.batch, 'aux': loss.item(), **stats}
        loss = loss * a.aux_weight
        rng = np.random.default_rng([a.seed, step, 7, rank])
        units = []
        for t in truths:
            mine = (yesno.contrast_units(rng, t, a.contrast) if a.contrast else yesno.sample_units(rng, t, 2)) + tasks.sample_pairs(rng, t, 3)
            units.append([mine[i] for i in rng.permutation(len(mine))])
        ids, pos, mask, target = packer.pack(units, rows, cols, a.length)
        p0, m = len(packer.head), feats.shape[1]
        emb = lm.embed_tokens.weight.to(dtype)[ids]
        emb = torch.cat([emb[:, :p0], feats, emb[:, p0 + m:]], 1)
        h = M.decoder_forward(lm, emb, pos, mask, dtype)
        on = target >= 0
        logits = (h[on] @ lm.embed_tokens.weight.to(dtype).T).float()
        each = nnf.cross_entropy(logits, target[on], reduction='none')
        # the first token of an answer says what the picture is; the rest follow
        first = (torch.cat([torch.zeros(len(target), 1, dtype=torch.bool), target[:, :-1] >= 0], 1) == 0)[on]
        weight = torch.where(first, 2.0, 1.0)
        yes_no = first & torch.isin(target[on], sure)
        weight[yes_no] = a.yes_weight
        if yes_no.any():
            row['yes_no'] = (logits.argmax(-1) == target[on])[yes_no].float().mean().item()
        answer = (each * weight).sum() / weight.sum()
        row['text'] = each.mean().item()
        row['first_token'] = (logits.argmax(-1) == target[on])[first].float().mean().item()
        row['token_accuracy'] = (logits.argmax(-1) == target[on]).float().mean().item()
        (loss + a.text_weight * answer).backward()
        row['grad'] = average_gradients(vision.params, 5.0)
        row['grad_text'] = average_gradients(language.params, 5.0)
        vision.step(share)
        language.step(share)
        step += 1
        if rank == 0:
            row['seconds'] = round(time.time() - started, 1)
            log.write(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}) + '\n')
            log.flush()
            if step % 10 == 0 or step < 3:
                print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}), flush=True)
            if step % 10 == 0 or step == last:
                save()
            if step % a.export_every == 0:
                write()
    if rank == 0:
        save(), write()
    if a.workers > 1:
        dist.barrier()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--start', required=True, help='checkpoint folder to start from')
    p.add_argument('--out', required=True, help='checkpoint folder to write (with the tokenizer of --start)')
    p.add_argument('--fundus', required=True, help='real photographs: labels.csv, images, masks')
    p.add_argument('--others', nargs='*', default=[], help='folders of KIND/FILE with other real pictures')
    p.add_argument('--without', nargs='*', default=[], help='sources left out')
    p.add_argument('--data', required=True, help='drawn data set made by build_data.py')
    p.add_argument('--shards', type=int, default=45, help='shards of the drawn data set')
    p.add_argument('--work', required=True)
    p.add_argument('--seed', type=int, default=3)
    p.add_argument('--batch', type=int, default=8)
    p.add_argument('--length', type=int, default=176)
    p.add_argument('--lr', type=float, default=3e-4)
    p.add_argument('--warm-up', type=int, default=10)
    p.add_argument('--decay', default='1500:2500', help='first:last step of the fall of the rate')
    p.add_argument('--aux-weight', type=float, default=0.5)
    p.add_argument('--text-weight', type=float, default=2.0)
    p.add_argument('--shares', type=float, nargs=4, help='drawn fundus, real fundus, real other, drawn other; default: those of mix.py')
    p.add_argument('--plain', type=float, default=0.0, help='share of the drawn pictures that stay as they were drawn')
    p.add_argument('--contrast', type=int, default=0, help='third stage: so many yes/no units of yesno.contrast_units for each picture')
    p.add_argument('--yes-weight', type=float, default=2.0, help="weight of a yes/no answer's first token")
    p.add_argument('--heads-first', type=int, default=0, help='steps in which the auxiliary heads, new here, do not change the tower')
    p.add_argument('--stop-after', type=int)
    p.add_argument('--workers', type=int, default=2)
    p.add_argument('--export-every', type=int, default=50)
    p.add_argument('--frozen', type=int, default=2, help='blocks of the vision tower, after the first, that stay as they are, with all below; -1: none')
    p.add_argument('--arithmetic', default='float32', help='bfloat16 where the processor has it')
    p.add_argument('--compile', action='store_true')
    a = p.parse_args()
    for k, v in (('MALLOC_MMAP_THRESHOLD_', 1 << 32), ('MALLOC_TRIM_THRESHOLD_', 1 << 33), ('MALLOC_TOP_PAD_', 1 << 26)):
        os.environ.setdefault(k, str(v))
    os.makedirs(a.work, exist_ok=True), os.makedirs(a.out, exist_ok=True)
    a.cache = os.path.join(a.work, 'photographs.pkl')
    if not os.path.exists(a.cache):
        with open(a.cache, 'wb') as f:
            pickle.dump(real.RealPhotographs(a.fundus, a.others, a.without), f, 5)
    meeting = os.path.join(tempfile.mkdtemp(), 'meeting')
    if a.workers > 1:
        torch.multiprocessing.spawn(run, (a, meeting), nprocs=a.workers)
    else:
        run(0, a, meeting)


if __name__ == '__main__':
    main()
