"""Trains the demonstration checkpoint: python -m stages.train --out ../demo

Two stages in one run: first the vision tower with auxiliary heads (kind, eye, findings per image token ...), then everything
together on packed questions and answers, the auxiliary losses kept. bfloat16 arithmetic on float32 master weights, Muon for
matrices and AdamW for the rest. Each process has one thread and half of a batch (one waits for the other once per step; threads
that share every operation wait all the time when the machine has other work). Seeded; resumes from WORK/state.pt; writes
training-log.jsonl.
"""
from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torch._dynamo
import torch.distributed as dist
import torch.nn.functional as nnf

from network import model as M
from language import tasks
from pictures.data import Packer, Shards, batch, labels, normalise
from generator.findings import FINDINGS
from network.optim import Muon, average_gradients

TRAINING = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Optimizers:
    """Muon for the matrices of the blocks, AdamW for the rest of one part of the model (vision or language)."""

    def __init__(self, named, lr):
        mats, rest = [], []
        for n, p in named:
            plain = p.ndim == 2 and not any(k in n for k in ('embed_tokens', 'merge', 'bank', 'heads'))
            (mats if plain else rest).append((n, p))
        self.lr, self.params = lr, [p for _, p in mats + rest]
        self.muon = Muon([(p, 3 if 'qkv' in n else 1) for n, p in mats])
        self.adam = torch.optim.AdamW([p for _, p in rest], lr=lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)

    def step(self, share):
        self.muon.step(self.lr * share)
        for g in self.adam.param_groups:
            g['lr'] = self.lr * share * 0.6
        self.adam.step()
        for p in self.params:
            p.grad = None

    def state_dict(self):
        return {'muon': self.muon.state_dict(), 'adam': self.adam.state_dict()}

    def load_state_dict(self, s):
        self.muon.load_state_dict(s['muon']), self.adam.load_state_dict(s['adam'])


def plan(text):
    """'0:16,500:32' -> [(0, 16), (500, 32)]: a value from a step on."""
    return [tuple(map(float, x.split(':'))) for x in text.split(',')]


def at(steps, step):
    return [v for first, v in steps if first <= step][-1]


def aux_loss(heads, feats, cells, lab, rows, cols, detail=1.0, kind=1.0):
    """Auxiliary losses and a few accuracies for the log. detail, kind: weights of the findings and of the kind of image."""
    c, spot, g = heads(feats, rows, cols)
    loss = nnf.binary_cross_entropy_with_logits(c, cells, pos_weight=torch.tensor(2.0, device=cells.device))
    stats = {'cells': loss.item()}
    loss = loss * 3 * detail
    if (lab['spot'] >= 0).any():
        where = nnf.cross_entropy(spot.transpose(1, 2).flatten(0, 1), lab['spot'].flatten(), ignore_index=-100)
        stats['spot'] = where.item()
        loss = loss + where
    on = lab['kind'] == tasks.KIND_NAMES.index('fundus')
    if on.any():
        l = nnf.binary_cross_entropy_with_logits(g['findings'][on], lab['findings'][on])
        stats['findings'] = l.item()
        loss = loss + l * detail
    for k, w in (('kind', kind), ('eye', 1.0), ('cdr', 0.5), ('quality', 0.2), ('pallor', 0.2)):
        ok = lab[k] >= 0
        if ok.any():
            loss = loss + w * nnf.cross_entropy(g[k], lab[k], ignore_index=-100)
            stats[k] = (g[k].argmax(-1)[ok] == lab[k][ok]).float().mean().item()
    return loss, stats


def run(rank, a, meeting):
    torch.set_num_threads(a.threads)
    if a.workers > 1:
        dist.init_process_group('gloo', init_method=f'file://{meeting}', rank=rank, world_size=a.workers)
    from transformers import AutoTokenizer
    tok = AutoTokenizer.from_pretrained(a.out)
    net = M.make_model(tok, a.seed)
    shards, packer = Shards(a.data, a.count // 200), Packer(tok)
    torch.manual_seed(a.seed)
    tower = M.Tower(normalise(np.concatenate([shards.get(i)[0][:60] for i in shards.of_size((224, 224), 24)])))
    tower, heads, net = tower.to(a.device), M.Heads(len(tasks.KIND_NAMES), len(FINDINGS)).to(a.device), net.to(a.device)
    lm = net.model.language_model
    if a.compile:
        torch._dynamo.config.recompile_limit = 64  # a graph per image size
        M.TOWER_BLOCK, M.DECODER_BLOCK, M.GATED = (torch.compile(f, dynamic=False) for f in (M._tower_block, M._decoder_block, M._gated))
    vision = Optimizers(list(tower.named_parameters()) + [('heads.' + n, p) for n, p in heads.named_parameters()], a.lr)
    language = Optimizers(list(lm.named_parameters()), a.lr)
    batches, text_every, detail, kind, rare, hard, rate = (
        plan(v) for v in (a.batch, a.text_every, a.detail, a.kind, a.rare, a.hard, a.rate))
    total, step = a.vision_steps + a.joint_steps, 0
    state_file, log_file = os.path.join(a.work, 'state.pt'), os.path.join(a.work, 'training-log.jsonl')
    parts = {'tower': tower, 'heads': heads, 'lm': lm, 'vision': vision, 'language': language}
    if os.path.exists(state_file):
        saved = torch.load(state_file, weights_only=False, map_location=a.device)
        for k, part in parts.items():
            part.load_state_dict(saved[k])
        step = saved['step']
        if rank == 0:
            with open(log_file, encoding='utf-8') as f:  # forget what was logged after the last saved state
                kept = [r for r in f if r.endswith('}\n') and json.loads(r)['step'] < step]
            with open(log_file, 'w', encoding='utf-8') as f:
                f.writelines(kept)
    log = open(log_file, 'a', encoding='utf-8') if rank == 0 else None
    started, last = time.time(), min(total, a.stop_after or total)

    def save():
        torch.save({**{k: part.state_dict() for k, part in parts.items()}, 'step': step}, state_file + '.tmp')
        os.replace(state_file + '.tmp', state_file)

    while step < last:
        joint = step >= a.vision_steps
        images = int(at(batches, step)) // a.workers
        # warm-up, then as planned; the decoder has its own warm-up
        share = max(0.02, min((step + 1) / 60, np.interp(step, *zip(*rate))))
        pixels, cells, truths = batch(shards, a.seed, step, rank, images, at(rare, step), at(hard, step))
        rows, cols = pixels.shape[2] // 28, pixels.shape[3] // 28
        pixels, cells = pixels.to(a.device), cells.to(a.device)
        lab = {k: v.to(a.device) for k, v in labels(truths, rows, cols).items()}
        feats = tower(pixels)
        loss, stats = aux_loss(heads, feats, cells, lab, rows, cols, at(detail, step), at(kind, step))
        row = {'step': step, 'stage': 'joint' if joint else 'vision', 'images': images * a.workers, 'aux': loss.item(), **stats}
        text = joint and (step - a.vision_steps) % int(at(text_every, step)) == 0
        if text:
            rng = np.random.default_rng([a.seed, step, 7, rank])
            packed = packer.pack([tasks.sample_pairs(rng, t, 6) for t in truths], rows, cols, a.length)
            ids, pos, mask, target = (t.to(a.device) for t in packed)
            emb = lm.embed_tokens.weight.to(torch.bfloat16)[ids]
            p0, m = len(packer.head), feats.shape[1]
            emb = torch.cat([emb[:, :p0], feats, emb[:, p0 + m:]], 1)
            h = M.decoder_forward(lm, emb, pos, mask, torch.bfloat16)
            on = target >= 0
            logits = (h[on] @ lm.embed_tokens.weight.to(torch.bfloat16).T).float()
            answer = nnf.cross_entropy(logits, target[on])
            row['text'] = answer.item()
            row['token_accuracy'] = (logits.argmax(-1) == target[on]).float().mean().item()
            loss = loss + answer
        loss.backward()
        row['grad'] = average_gradients(vision.params, 5.0)
        vision.step(share)
        if text:
            row['grad_text'] = average_gradients(language.params, 5.0)
            language.step(min(share, (step - a.vision_steps + 1) / 100))
        step += 1
        if rank == 0:
            row['seconds'] = round(time.time() - started, 1)
            log.write(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}) + '\n')
            if step % 10 == 0 or not math.isfinite(row['aux']):
                log.flush()
            if step % 20 == 0:
                print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}), flush=True)
            if step % 100 == 0 or step == last:
                save()
            if step == total or a.export_every and step % a.export_every == 0:
                import copy
                from network.export import export
                tower.write_into(net.model.visual)
                export(copy.deepcopy(net).cpu(), tok, a.out)
    if a.workers > 1:
        dist.barrier()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--out', default=os.path.join(TRAINING, '..', 'demo'))
    p.add_argument('--work', default=os.path.join(TRAINING, 'work'), help='data set, state and log (not committed)')
    p.add_argument('--real', help='folder made by real_images.py; without it, negatives are procedural only')
    p.add_argument('--count', type=int, default=26000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--vision-steps', type=int, default=2400)
    p.add_argument('--joint-steps', type=int, default=1340)
    p.add_argument('--stop-after', type=int, help='stop after so many steps in all (reproduction check)')
    p.add_argument('--batch', default='0:16', help='images per step, from which step on')
    p.add_argument('--text-every', default='0:3,3400:1', help='in the joint stage: questions and answers in every n-th step only, from which step on; '
                   'the steps between teach the vision tower alone, which has more to learn')
    p.add_argument('--detail', default='0:1,800:3', help='weight of the auxiliary losses of findings, from which step on')
    p.add_argument('--kind', default='0:1,1100:3', help='weight of the auxiliary loss of the kind of image, from which step on')
    p.add_argument('--rare', default='0:0,2200:0.4,3300:0', help='share of fundus photographs chosen for an uncommon finding, from which step on')
    p.add_argument('--hard', default='0:0,3000:0.5', help='share of the other images that are everyday photographs, half of them disguised, from which step on')
    p.add_argument('--lr', type=float, default=2e-3)
    p.add_argument('--length', type=int, default=256, help='tokens of a packed row')
    p.add_argument('--workers', type=int, default=1 if torch.cuda.is_available() else 2, help='processes')
    p.add_argument('--rate', default='0:1,1381:1,2700:0.59,2701:0.357,3400:0.079,3401:0.16,3540:0,3541:0.14,3599:0.121,3600:0.0985,3740:0', help='share of the learning rate at some steps, linear between them')
    p.add_argument('--threads', type=int, default=1, help='threads per process')
    p.add_argument('--export-every', type=int, default=0, help='also write the checkpoint every so many steps')
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    p.add_argument('--compile', action='store_true')
    p.add_argument('--data', help='data set made by build_data.py (default: WORK/train, made when missing)')
    a = p.parse_args()
    # large tensors come and go with every operation: keep their memory instead of asking the system for zeroed pages each time
    for k, v in (('MALLOC_MMAP_THRESHOLD_', 1 << 32), ('MALLOC_TRIM_THRESHOLD_', 1 << 33), ('MALLOC_TOP_PAD_', 1 << 26)):
        os.environ.setdefault(k, str(v))
    os.makedirs(a.work, exist_ok=True)
    a.data = a.data or os.path.join(a.work, 'train')
    if not os.path.isdir(a.data):
        subprocess.run([sys.executable, '-m', 'pictures.build_data', a.data, '--count', str(a.count), '--seed', str(a.seed)]
                       + (['--real', a.real] if a.real else []), check=True)
    if not os.path.exists(os.path.join(a.out, 'tokenizer.json')):
        from language import tokenizer as T
        T.build(a.out)
    meeting = os.path.join(tempfile.mkdtemp(), 'meeting')
    if a.workers > 1:
        torch.multiprocessing.spawn(run, (a, meeting), nprocs=a.workers)
    else:
        run(0, a, meeting)


if __name__ == '__main__':
    main()
