"""Trains the demonstration checkpoint: python train.py --out ../demo

Two stages in one run: first the vision tower with auxiliary heads (kind, eye, findings per image token ...), then everything
together on packed questions and answers, the auxiliary losses kept. bfloat16 arithmetic on float32 master weights, Muon for
matrices and AdamW for the rest. Seeded; resumes from WORK/state.pt; writes training-log.jsonl.
"""
from __future__ import annotations

import argparse
import json
import math
import os

os.environ.setdefault('OMP_WAIT_POLICY', 'passive')  # on a shared machine a spinning thread wastes the core the slower one waits for
import subprocess  # noqa: E402
import sys
import time

import numpy as np
import torch
import torch._dynamo
import torch.nn.functional as nnf

import model as M
import tasks
from data import Packer, Shards, batch, labels, normalise
from generator.findings import FINDINGS

HERE = os.path.dirname(os.path.abspath(__file__))


def build_optimizers(modules, lr):
    """Muon for the matrices of the blocks, AdamW for the rest; `scale` is a group's share of the learning rate. The patch embedding
    sees 1176 correlated inputs, so that AdamW at full rate throws it about; Muon costs too much on the merger's large matrix."""
    mats, groups = [], {1.0: [], 0.5: [], 0.05: []}
    for mod in modules:
        for n, p in mod.named_parameters():
            if 'patch_embed' in n:
                groups[0.05].append(p)
            elif p.ndim == 2 and (max(p.shape) > 600 and 'embed_tokens' not in n or isinstance(mod, M.Heads)):
                groups[0.5].append(p)
            elif p.ndim == 2 and 'embed_tokens' not in n:
                mats.append(p)
            else:
                groups[1.0].append(p)
    return [torch.optim.Muon([{'params': mats, 'scale': 1.0}], lr=lr, weight_decay=0.02, momentum=0.95, adjust_lr_fn='match_rms_adamw'),
            torch.optim.AdamW([{'params': g, 'scale': k} for k, g in groups.items()], lr=lr, betas=(0.9, 0.98), weight_decay=0.0)]


def schedule(step, total, warmup=60, decay=0.25):
    """Share of the learning rate: warm-up, constant, linear decay over the last quarter."""
    return max(0.02, min(1.0, (step + 1) / warmup, (total - step) / (decay * total)))


def plan(text):
    """'0:16,500:32' -> [(0, 16), (500, 32)]: a value from a step on."""
    return [tuple(map(int, x.split(':'))) for x in text.split(',')]


def at(steps, step):
    return [v for first, v in steps if first <= step][-1]


def aux_loss(heads, feats, cells, lab, rows, cols, detail=1.0):
    """Auxiliary losses and a few accuracies for the log. detail: weight of findings and cup."""
    c, spot, g = heads(feats, rows, cols)
    loss = nnf.binary_cross_entropy_with_logits(c, cells, pos_weight=torch.tensor(2.0)) * 3 * detail
    stats = {'cells': loss.item() / 3 / detail}
    if (lab['spot'] >= 0).any():
        where = nnf.cross_entropy(spot.transpose(1, 2).flatten(0, 1), lab['spot'].flatten(), ignore_index=-100)
        stats['spot'] = where.item()
        loss = loss + where
    loss = loss + nnf.binary_cross_entropy_with_logits(g['findings'], lab['findings']) * detail
    for k in ('kind', 'eye', 'cdr', 'quality', 'pallor'):
        if (lab[k] >= 0).any():
            l = nnf.cross_entropy(g[k], lab[k], ignore_index=-100)
            loss = loss + l * {'kind': 1.0, 'eye': 1.0, 'cdr': 0.5 * detail, 'quality': 0.2, 'pallor': 0.2}[k]
            ok = lab[k] >= 0
            stats[k] = (g[k].argmax(-1)[ok] == lab[k][ok]).float().mean().item()
    return loss, stats


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--out', default=os.path.join(HERE, '..', 'demo'))
    p.add_argument('--work', default=os.path.join(HERE, 'work'), help='data set, state and log (not committed)')
    p.add_argument('--real', help='folder made by real_images.py; without it, negatives are procedural only')
    p.add_argument('--count', type=int, default=26000)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--vision-steps', type=int, default=550)
    p.add_argument('--joint-steps', type=int, default=320)
    p.add_argument('--stop-after', type=int, help='stop after so many steps in all (reproduction check)')
    p.add_argument('--batch', default='0:16', help='images per step, from which step on')
    p.add_argument('--detail', default='0:1', help='weight of the auxiliary losses of findings and cup, from which step on')
    p.add_argument('--text-every', default='0:1', help='in the joint stage: questions and answers in every n-th step only, from which step on; '
                   'the steps between teach the vision tower alone, which has more to learn')
    p.add_argument('--lr', type=float, default=1.5e-3)
    p.add_argument('--length', type=int, default=192)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--compile', action='store_true')
    p.add_argument('--data', help='data set made by build_data.py (default: WORK/train, made when missing)')
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(a.work, exist_ok=True)
    data_dir = a.data or os.path.join(a.work, 'train')
    if not os.path.isdir(data_dir):
        subprocess.run([sys.executable, os.path.join(HERE, 'build_data.py'), data_dir, '--count', str(a.count), '--seed', str(a.seed)]
                       + (['--real', a.real] if a.real else []), check=True)
    if not os.path.exists(os.path.join(a.out, 'tokenizer.json')):
        import tokenizer as T
        T.build(a.out)
    from transformers import AutoTokenizer
    tok = AutoTokenizer.from_pretrained(a.out)
    net = M.make_model(tok, a.seed)
    torch.manual_seed(a.seed)
    heads = M.Heads(len(tasks.KIND_NAMES), len(FINDINGS))
    visual, lm = net.model.visual, net.model.language_model
    if a.compile:
        torch._dynamo.config.recompile_limit = 64  # a graph per image size
        M.VISION_BLOCK, M.DECODER_BLOCK = torch.compile(M._vision_block, dynamic=False), torch.compile(M._decoder_block, dynamic=False)
    shards, packer = Shards(data_dir, a.count // 200), Packer(tok)
    batches = plan(a.batch)
    text_every, detail = plan(a.text_every), plan(a.detail)
    total = a.vision_steps + a.joint_steps
    M.whiten_patches(visual, normalise(np.concatenate([shards.get(i)[0][:60] for i in shards.of_size((224, 224), 24)])))
    state_file, log_file = os.path.join(a.work, 'state.pt'), os.path.join(a.work, 'training-log.jsonl')
    opts, step, stage = None, 0, None
    saved = None
    if os.path.exists(state_file):
        saved = torch.load(state_file, weights_only=False)
        net.load_state_dict(saved['net']), heads.load_state_dict(saved['heads'])
        step = saved['step']
        with open(log_file, encoding='utf-8') as f:  # forget what was logged after the last saved state
            kept = [r for r in f if r.endswith('}\n') and json.loads(r)['step'] < step]
        with open(log_file, 'w', encoding='utf-8') as f:
            f.writelines(kept)
    log = open(log_file, 'a', encoding='utf-8')
    started = time.time()
    last = min(total, a.stop_after or total)

    def save():
        torch.save({'net': net.state_dict(), 'heads': heads.state_dict(), 'opts': [o.state_dict() for o in opts], 'step': step, 'stage': stage}, state_file + '.tmp')
        os.replace(state_file + '.tmp', state_file)

    while step < last:
        now = 'vision' if step < a.vision_steps else 'joint'
        if now != stage:
            stage = now
            opts = build_optimizers([visual, heads] if stage == 'vision' else [visual, heads, lm], a.lr)
            if saved and saved['stage'] == stage and all(
                    [len(g['params']) for g in o.state_dict()['param_groups']] == [len(g['params']) for g in s['param_groups']]
                    for o, s in zip(opts, saved['opts'])):
                for o, s in zip(opts, saved['opts']):
                    scales = [g['scale'] for g in o.param_groups]
                    o.load_state_dict(s)
                    for g, k in zip(o.param_groups, scales):
                        g['scale'] = k
            saved = None
        s, n = (step, a.vision_steps) if stage == 'vision' else (step - a.vision_steps, a.joint_steps)
        f = schedule(s, n) if stage == 'joint' else min(1.0, (s + 1) / 60, max(0.25, 1 - (max(0, s - 60) / 940) ** 1.5))
        size = at(batches, step)
        for o in opts:
            for g in o.param_groups:
                g['lr'] = a.lr * f * (size / 32) ** 0.5 * g['scale']
        pixels, cells, truths = batch(shards, a.seed, step, size, available=40 + step // 2)
        rows, cols = pixels.shape[2] // 28, pixels.shape[3] // 28
        lab = labels(truths, rows, cols)
        feats = M.vision_forward(visual, pixels, torch.bfloat16)
        loss_aux, stats = aux_loss(heads, feats, cells, lab, rows, cols, at(detail, step))
        loss, row = loss_aux, {'step': step, 'stage': stage, 'aux': loss_aux.item()}
        if stage == 'joint' and step % at(text_every, step) == 0:
            rng = np.random.default_rng([a.seed, step, 7])
            pairs = [tasks.sample_pairs(rng, t, 6) for t in truths]
            ids, pos, mask, target = packer.pack(pairs, rows, cols, a.length)
            emb = lm.embed_tokens.weight.to(torch.bfloat16)[ids]
            p0, m = len(packer.head), feats.shape[1]
            emb = torch.cat([emb[:, :p0], feats, emb[:, p0 + m:]], 1)
            h = M.decoder_forward(lm, emb, pos, mask, torch.bfloat16)
            on = target >= 0
            logits = (h[on] @ lm.embed_tokens.weight.to(torch.bfloat16).T).float()
            text = nnf.cross_entropy(logits, target[on])
            row['text'] = text.item()
            row['token_accuracy'] = (logits.argmax(-1) == target[on]).float().mean().item()
            loss = text * 2 + 0.5 * loss_aux
        row.update({k: round(v, 4) for k, v in stats.items()})
        for o in opts:
            o.zero_grad(set_to_none=True)
        loss.backward()
        row['grad'] = float(torch.nn.utils.clip_grad_norm_([q for o in opts for g in o.param_groups for q in g['params']], 5.0))
        for o in opts:
            o.step()
        step += 1
        row['seconds'] = round(time.time() - started, 1)
        log.write(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}) + '\n')
        if step % 10 == 0 or not math.isfinite(row['aux']):
            log.flush()
            print(json.dumps(row), flush=True)
        if step % 50 == 0 or step == last:
            save()
    if step == total:
        from export import export
        export(net, tok, a.out)


if __name__ == '__main__':
    main()
