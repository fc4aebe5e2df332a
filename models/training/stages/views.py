"""Pictures for the third stage, seen by the part of the vision tower that stays as it is:

    python -m stages.views --start ../demo --out work/views --fundus FUNDUS --others REAL/photos --data work/train --count 200

The lower blocks cost more than augmentation and never change, so every picture passes them once. A view is one file of --each pictures of one size:
what `Tower.lower` leaves (float16), findings per token, truths. Number i depends on --seed and i only; views that exist are kept, so an interrupted run goes on.
"""
from __future__ import annotations

import argparse
import os
import pickle

import numpy as np
import torch

from pictures import mix
from network import model as M
from pictures import real
from network import warm
from pictures.data import Shards, normalise

LOWER = 2  # blocks after the first that are not trained


def load(folder, i):
    with open(os.path.join(folder, f'{i:05d}.pkl'), 'rb') as f:
        return pickle.load(f)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--start', required=True)
    p.add_argument('--out', required=True)
    p.add_argument('--fundus', required=True)
    p.add_argument('--others', nargs='*', default=[])
    p.add_argument('--without', nargs='*', default=[])
    p.add_argument('--data', required=True)
    p.add_argument('--count', type=int, default=200)
    p.add_argument('--each', type=int, default=60)
    p.add_argument('--seed', type=int, default=4)
    p.add_argument('--shares', type=float, nargs=4, default=(0.3, 0.28, 0.24, 0.18), help='drawn fundus, real fundus, real other, drawn other')
    p.add_argument('--plain', type=float, default=0.55, help='share of the drawn pictures that stay as they were drawn')
    a = p.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    M.DTYPE = torch.float32
    os.makedirs(a.out, exist_ok=True)
    shards = Shards(a.data)
    photographs = real.RealPhotographs(a.fundus, a.others, a.without, real.watched)
    pixels = normalise(np.concatenate([shards.get(i)[0][:20] for i in shards.of_size((224, 224), 12)]))
    torch.manual_seed(a.seed)
    tower, _ = warm.tower_from(warm.load(a.start).model.visual, pixels)
    for i in range(a.count):
        path = os.path.join(a.out, f'{i:05d}.pkl')
        if os.path.exists(path):
            continue
        pixels, cells, truths = mix.batch(shards, photographs, a.seed, i, 0, a.each, a.shares, a.plain)
        x = torch.cat([tower.lower(part, LOWER) for part in pixels.split(6)])
        with open(path + '.part', 'wb') as f:
            pickle.dump({'x': x.half().numpy(), 'grid': (pixels.shape[2] // 14, pixels.shape[3] // 14), 'cells': cells.numpy().astype(bool), 'truths': truths}, f, 5)
        os.replace(path + '.part', path)
        print(i, flush=True)


if __name__ == '__main__':
    main()
