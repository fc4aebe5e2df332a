"""Draws whole data sets: mixes the kinds, renders at the sizes the model sees, writes shards.

A shard is one folder: images.npy uint8 [N, H, W, 3], cells.npy uint8 [N, F, H/28, W/28] (finding masks per image token),
meta.jsonl (one truth per line). All images of a shard have one size, so that batches need no padding.
"""
from __future__ import annotations

import json
import os

import cv2
import numpy as np

from . import everyday, findings, fundus, other_medical
from .canvas import finish

# (width, height) after smart_resize with the checkpoint's preprocessor limits; weights in tenths of the data
SIZES = [(224, 224)] * 6 + [(252, 196), (252, 168), (196, 252), (168, 252)]
FUNDUS_SHARE, MEDICAL_SHARE, REAL_SHARE = 0.52, 0.18, 0.15  # the rest: procedural everyday images


def fundus_sample(rng, size, up=1.0):
    """One fundus photograph: (image uint8 [H, W, 3], truth, cells uint8 [F, rows, cols])."""
    w, h = size
    scene = fundus.sample_eye(rng)
    cam = fundus.sample_camera(rng, scene)
    big = (int(w * up), int(h * up))
    img, seen = fundus.draw(scene, cam, big, grid=(w // 28, h // 28))
    if up != 1.0:
        img = cv2.resize(img, size, interpolation=cv2.INTER_AREA)
    zones = {f['name']: f['zone'] for f in scene['findings']}
    truth = {'kind': 'fundus', 'eye': scene['eye'], 'cdr': scene['cdrClass'], 'pallor': scene['pallor'], 'quality': cam['quality'],
             'view': cam['kind'], 'discInView': seen['discInView'], 'foveaInView': seen['foveaInView'],
             'disc': seen['disc'], 'fovea': seen['fovea'],
             'findings': [{'name': n, 'zone': zones[n]} for n in findings.FINDINGS if n in seen['visible']]}
    return finish(rng, img), truth, seen['cells']


def sample(rng, size, real=None):
    """One image of any kind: (image, truth, cells)."""
    u = rng.random()
    if u < FUNDUS_SHARE:
        return fundus_sample(rng, size, float(rng.choice([1.0, 1.25])))
    cells = np.zeros((len(findings.FINDINGS), size[1] // 28, size[0] // 28), np.uint8)
    if u < FUNDUS_SHARE + MEDICAL_SHARE:
        kind = str(rng.choice(list(other_medical.KINDS)))
        img = other_medical.KINDS[kind](rng, size)
    elif u < FUNDUS_SHARE + MEDICAL_SHARE + REAL_SHARE and real and real.photos:
        kind, img = real.photo_crop(rng, size) if rng.random() < 0.45 or not real.stamps else real.stamp(rng, size)
    else:
        kind = str(rng.choice(list(everyday.KINDS)))
        img = everyday.KINDS[kind](rng, size)
    clean = kind in ('noise', 'blank') and rng.random() < 0.6
    return finish(rng, img, 0 if clean else None, 100 if clean else None), {'kind': kind}, cells


def write_shard(folder, seed, count, size, real=None):
    rng = np.random.default_rng(seed)
    tmp = folder + '.part'
    os.makedirs(tmp, exist_ok=True)
    images, cells, meta = [], [], []
    for _ in range(count):
        img, truth, c = sample(rng, size, real)
        images.append(img), cells.append(c), meta.append(truth)
    np.save(os.path.join(tmp, 'images.npy'), np.stack(images))
    np.save(os.path.join(tmp, 'cells.npy'), np.stack(cells))
    with open(os.path.join(tmp, 'meta.jsonl'), 'w', encoding='utf-8') as f:
        f.writelines(json.dumps(m) + '\n' for m in meta)
    os.rename(tmp, folder)
