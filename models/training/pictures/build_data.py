"""Writes a data set of generated images: python -m pictures.build_data OUT --count 24000 --seed 1 [--real REAL] [--workers 2].

Shards that exist are kept, so an interrupted run goes on where it stopped. The held-out set is the same command with another
seed (`--seed 900001`); shard seeds are seed * 100000 + number, so sets with different seeds share no image.
"""
from __future__ import annotations

import argparse
import os
from multiprocessing import Pool

from generator.dataset import SIZES, write_shard
from generator.everyday import RealImages

REAL = None


def work(job):
    global REAL
    folder, seed, count, size, real = job
    if REAL is None and real:
        REAL = RealImages(real)
    write_shard(folder, seed, count, size, REAL)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('out')
    p.add_argument('--count', type=int, default=24000)
    p.add_argument('--shard', type=int, default=200)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--real', help='folder made by real_images.py')
    p.add_argument('--workers', type=int, default=2)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    jobs = []
    for i in range(a.count // a.shard):
        folder = os.path.join(a.out, f'{i:05d}')
        if not os.path.isdir(folder):
            jobs.append((folder, a.seed * 100000 + i, a.shard, SIZES[(i * 3) % len(SIZES)], a.real))
    with Pool(a.workers) as pool:
        for n, _ in enumerate(pool.imap_unordered(work, jobs), 1):
            print(f'{n}/{len(jobs)} shards', flush=True)


if __name__ == '__main__':
    main()
