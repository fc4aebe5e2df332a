"""Batches of the second stage: drawn and real, fundus and other, each through a camera of its own. Deterministic for a seed, a step and a rank."""
from __future__ import annotations

import numpy as np
import torch

from language import yesno
from pictures.data import FLIP_V, RARE, SIZE_SET, disguise, flip, labels, normalise
from generator.findings import FINDINGS
from pictures.photometry import vary

SIZE_WEIGHT = np.array([0.5, 0.12, 0.22, 0.08, 0.08])  # 252x168 is what a 3:2 photograph becomes
# drawn fundus, real fundus, real other, drawn other (which holds crops and cut-outs of real everyday pictures too)
SHARES, SHARES_LATER, LATER = (0.23, 0.38, 0.22, 0.17), (0.30, 0.19, 0.25, 0.26), 740  # the later ones from that step on
assert FLIP_V


def drawn(rng, shards, ids, fundus):
    im, cells, meta = shards.get(int(rng.choice(ids)))
    among = [i for i, t in enumerate(meta) if (t['kind'] == 'fundus') == fundus]
    if fundus and rng.random() < .2:
        among = [i for i in among if any(f['name'] in RARE for f in meta[i]['findings'])] or among
    k = int(rng.choice(among))
    x, c, t = im[k].astype(np.float32), cells[k], meta[k]
    if rng.random() < .5 and t['kind'] not in ('text', 'logo', 'clock'):
        x, c = x[:, ::-1], c[:, :, ::-1]
        t = flip(t, True) if fundus else t
    if rng.random() < .3 and t['kind'] in ('fundus', 'angiogram', 'histology', 'texture', 'skin', 'moon'):
        x, c = x[::-1], c[:, ::-1]
        t = flip(t, False) if fundus else t
    return np.ascontiguousarray(x), c, t


def batch(shards, photographs, seed, step, rank, count, shares=None, plain=0.0):
    """shares: those of the four kinds of picture, instead of SHARES; plain: share of the drawn pictures that stay as they were drawn. -> pixels float32 [B, 3, H, W], cells float32 [B, M, F],
    truths, each with `from`: the sources of the fundus photographs that the picture is or has its colours or spectrum from."""
    size = SIZE_SET[int(np.random.default_rng([seed, step]).choice(len(SIZE_SET), p=SIZE_WEIGHT))]
    rng = np.random.default_rng([seed, step, rank + 1])
    ids = shards.of_size(size, shards.total)
    images, cells, truths = [], [], []
    shares = shares or (SHARES if step < LATER else SHARES_LATER)
    def add(x, c, t):
        images.append(x), cells.append(c)
        truths.append({**t, 'from': sorted(photographs.drawn_from)})
        photographs.drawn_from.clear()
    for _ in range(count):
        u = rng.random()
        fundus, real = u < shares[0] + shares[1], shares[0] <= u < sum(shares[:3])
        if fundus and real:
            x, t, c = photographs.fundus(rng, size)
        elif real:
            (x, t), c = photographs.other(rng, size), np.zeros((len(FINDINGS), size[1] // 28, size[0] // 28), np.uint8)
            if rng.random() < .5:
                x = np.ascontiguousarray(x[:, ::-1])
        else:
            x, c, t = drawn(rng, shards, ids, fundus)
        if plain and not real and rng.random() < plain:
            add(x, c, t)
            continue
        if not fundus and rng.random() < .2:
            x = disguise(rng, x)
        if t['kind'] not in ('noise', 'blank') or rng.random() < .3:
            x = vary(rng, x, fundus, real, photographs)
        add(x, c, t)
    cells = torch.from_numpy(np.stack(cells).astype(np.float32)).flatten(2).transpose(1, 2)
    return normalise(np.stack(images)), cells, truths


def targets(truths, rows, cols):
    """data.labels, and what real photographs add: which findings are known, grade, macular-oedema risk, referable, view."""
    lab = labels(truths, rows, cols)
    known = []
    cells_known = []
    for t in truths:
        real = bool(t.get('real'))
        fundus = t['kind'] == 'fundus'
        known.append([float(fundus and (not real or n in t['known'])) for n in FINDINGS])
        cells_known.append([1.0] * len(FINDINGS) if not (real and fundus) else [float(v) for v in t['cellsKnown']])
    facts = [yesno.facts(t) for t in truths]
    lab['known'], lab['cells_known'] = torch.tensor(known), torch.tensor(cells_known)
    whole = lambda t, k: -100 if t['kind'] != 'fundus' or t.get(k) is None else t[k]
    lab['grade'] = torch.tensor([whole(t, 'grade') for t in truths])
    lab['dme'] = torch.tensor([whole(t, 'dme') for t in truths])
    for k in ('referable', 'glaucoma', 'amd'):
        lab[k] = torch.tensor([int(f[k]) if k in f else -100 for f in facts])
    lab['view'] = torch.tensor([['macula', 'disc'].index(t['view']) if t['kind'] == 'fundus' and t.get('view') in ('macula', 'disc') else -100 for t in truths])
    lab['fundus'] = torch.tensor([int(t['kind'] == 'fundus') for t in truths])
    return lab
