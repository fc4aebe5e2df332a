"""Batches for training: images of one size, augmented, with their truths; deterministic for a seed and a step."""
from __future__ import annotations

import json
import os
import time

import numpy as np
import torch

from language import tasks
from generator.dataset import SIZES
from generator.findings import FINDINGS

MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)  # CLIP, as in the preprocessor config
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
SIZE_SET = list(dict.fromkeys(SIZES))
SIZE_WEIGHT = np.array([0.76] + [0.06] * 4)  # squares are cheap to train on: the vision windows tile them
FUNDUS_SHARE = 0.72  # of the images of a batch: a fundus photograph has more to be learnt about than which kind of image it is
RARE = ('flame', 'neovascular', 'crescent')  # findings that are both uncommon and hard
PHOTOGRAPHED = ('person', 'animal', 'bird', 'insect', 'flower', 'plant', 'food', 'building', 'vehicle', 'object', 'coin', 'clock', 'landscape', 'sky')
FLIP_V = {'superotemporal': 'inferotemporal', 'inferotemporal': 'superotemporal', 'superonasal': 'inferonasal', 'inferonasal': 'superonasal'}


class Shards:
    """Shards of a folder, loaded when first needed; waits for one that is still being written."""

    def __init__(self, folder, total=None):
        self.folder, self.loaded = folder, {}
        self.total = total or len([d for d in os.listdir(folder) if d.isdigit()])

    def get(self, i):
        if i not in self.loaded:
            path = os.path.join(self.folder, f'{i:05d}')
            while not os.path.isdir(path):
                time.sleep(2)
            with open(os.path.join(path, 'meta.jsonl'), encoding='utf-8') as f:
                meta = [json.loads(s) for s in f]
            self.loaded[i] = (np.load(os.path.join(path, 'images.npy'), mmap_mode='r'), np.load(os.path.join(path, 'cells.npy')), meta)
        return self.loaded[i]

    def of_size(self, size, available):
        return [i for i in range(min(available, self.total)) if SIZES[(i * 3) % len(SIZES)] == size]


def flip(truth, horizontal):
    """Truth of a mirrored fundus photograph: a left eye mirrored left to right looks like a right eye."""
    t = dict(truth)
    for k in ('disc', 'fovea'):
        x, y = t[k]
        t[k] = [1 - x, y] if horizontal else [x, 1 - y]
    if horizontal:
        t['eye'] = 'OS' if t['eye'] == 'OD' else 'OD'
    else:
        t['findings'] = [dict(f, zone=FLIP_V.get(f['zone'], f['zone'])) for f in t['findings']]
    return t


def normalise(images):
    """uint8 or float [B, H, W, 3] -> float32 [B, 3, H, W], CLIP mean and standard deviation."""
    x = (np.asarray(images, np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def disguise(rng, x):
    """Gives a photograph the colours of a fundus, and often its round field: what is left to tell them apart is what is in the picture."""
    x = (0.3 * x + 0.7 * x.mean(2, keepdims=True)) * rng.uniform([1.1, .5, .3], [1.7, .9, .7])
    if rng.random() < .5:
        h, w = x.shape[:2]
        y, z = np.mgrid[-1:1:h * 1j, -1:1:w * 1j]
        x = x * (y * y + z * z < 0.95)[..., None]
    return np.clip(x, 0, 255).astype(np.float32)


def batch(shards, seed, step, rank, size_of_batch, rare=0.0, hard=0.0, augment=True):
    """Deterministic for a seed, a step and a rank (the size for a seed and a step). rare: share of the fundus
    photographs that are chosen among those with a finding of RARE; hard: share of
    the other images that are chosen among everyday photographs, half of them disguised -> pixels float32 [B, 3, H, W], cells float32
    [B, M, F], truths."""
    size = SIZE_SET[int(np.random.default_rng([seed, step]).choice(len(SIZE_SET), p=SIZE_WEIGHT))]
    rng = np.random.default_rng([seed, step, rank + 1])
    ids = shards.of_size(size, shards.total)
    images, cells, truths = [], [], []
    for _ in range(size_of_batch):
        im, ce, meta = shards.get(int(rng.choice(ids)))
        fundus = rng.random() < (0.58 if hard else FUNDUS_SHARE)
        among = [i for i, t in enumerate(meta) if (t['kind'] == 'fundus') == fundus]
        if fundus and rare and rng.random() < rare:
            among = [i for i in among if any(f['name'] in RARE for f in meta[i]['findings'])]
        photographs = hard and not fundus and rng.random() < hard
        if photographs:
            among = [i for i in among if meta[i]['kind'] in PHOTOGRAPHED] or among
        k = int(rng.choice(among))
        x, c, t = im[k].astype(np.float32), ce[k], meta[k]
        if augment:
            if rng.random() < .5 and t['kind'] not in ('text', 'logo', 'clock'):
                x, c = x[:, ::-1], c[:, :, ::-1]
                t = flip(t, True) if t['kind'] == 'fundus' else t
            if rng.random() < .4 and t['kind'] in ('fundus', 'angiogram', 'histology', 'texture', 'skin', 'moon'):
                x, c = x[::-1], c[:, ::-1]
                t = flip(t, False) if t['kind'] == 'fundus' else t
            if rng.random() < .6:
                x = (x - 100) * rng.uniform(.85, 1.15) + 100 * rng.uniform(.85, 1.15)
                x = np.clip(x * rng.uniform(.9, 1.1, 3).astype(np.float32), 0, 255)
        if photographs and rng.random() < .5:
            x = disguise(rng, x)
        images.append(x), cells.append(c), truths.append(t)
    cells = torch.from_numpy(np.stack(cells).astype(np.float32)).flatten(2).transpose(1, 2)
    return normalise(np.stack(images)), cells, truths


def labels(truths, rows, cols):
    """Targets of the auxiliary heads; -100 where a question makes no sense."""
    def pick(key, values):
        return torch.tensor([values.index(t[key]) if t['kind'] == 'fundus' and t.get(key) is not None else -100 for t in truths])
    def cell(t, key):
        if t['kind'] != 'fundus' or t[key] is None or not all(0 <= v < 1 for v in t[key]):
            return -100
        return int(t[key][1] * rows) * cols + int(t[key][0] * cols)
    return {'spot': torch.tensor([[cell(t, 'disc'), cell(t, 'fovea')] for t in truths]),
            'kind': torch.tensor([tasks.KIND_NAMES.index(t['kind']) for t in truths]),
            'eye': pick('eye', ['OD', 'OS']), 'cdr': pick('cdr', ['small', 'medium', 'large']), 'quality': pick('quality', ['good', 'poor']),
            'pallor': pick('pallor', [False, True]),
            'findings': torch.tensor([[float(any(f['name'] == n for f in t.get('findings', []))) for n in FINDINGS] for t in truths])}


class Packer:
    """Turns questions and answers about one image into one packed row that shares the image prefix.

        [system, user, vision_start, image x M, vision_end] [question 1, answer 1] [question 2, answer 2] ...
    Each pair sees the prefix and itself only, and its positions start over after the image.
    """

    def __init__(self, tokenizer):
        enc = lambda s: tokenizer.encode(s, add_special_tokens=False)
        self.enc, self.cache = enc, {}
        self.head = enc('<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>')
        self.image, self.vend = enc('<|image_pad|>')[0], enc('<|vision_end|>')
        self.mid, self.end = enc('<|im_end|>\n<|im_start|>assistant\n'), enc('<|im_end|>')

    def _enc(self, s):
        if s not in self.cache:
            self.cache[s] = self.enc(s)
        return self.cache[s]

    def pack(self, pairs_of, rows, cols, length):
        """pairs_of: per image a list of units, each a list of (task, question, answer). -> ids [B, T], positions [3, B, T], mask bool [B, 1, T, T],
        targets [B, T] (-100 where nothing is to be predicted)."""
        B, m, p0 = len(pairs_of), rows * cols, len(self.head)
        ids = torch.zeros(B, length, dtype=torch.long)
        pos = torch.zeros(3, B, length, dtype=torch.long)
        target = torch.full((B, length), -100)
        segment = torch.full((B, length), -1)
        prefix = torch.tensor(self.head + [self.image] * m + self.vend)
        n = len(prefix)
        after = p0 + max(rows, cols)
        ppos = torch.zeros(3, n, dtype=torch.long)
        ppos[:, :p0] = torch.arange(p0)
        ppos[0, p0:p0 + m] = p0
        ppos[1, p0:p0 + m] = p0 + torch.arange(rows).repeat_interleave(cols)
        ppos[2, p0:p0 + m] = p0 + torch.arange(cols).repeat(rows)
        ppos[:, p0 + m:] = after
        ids[:, :n], pos[:, :, :n], segment[:, :n] = prefix, ppos[:, None], 0
        for b, pairs in enumerate(pairs_of):
            t = n
            s = 0
            for unit in pairs:  # a question in both languages: both or neither, so that the longer language does not lose more often
                coded = [(self._enc(q) + self.mid, self._enc(a.rstrip(tasks.UNKNOWN)) + ([] if a.endswith(tasks.UNKNOWN) else self.end)) for _, q, a in unit]
                if t + sum(len(q) + len(a) for q, a in coded) > length:
                    continue
                for qi, ai in coded:
                    k, s = len(qi) + len(ai), s + 1
                    ids[b, t:t + k] = torch.tensor(qi + ai)
                    pos[:, b, t:t + k] = after + 1 + torch.arange(k)
                    segment[b, t:t + k] = s
                    target[b, t + len(qi) - 1:t + k - 1] = torch.tensor(ai)
                    t += k
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        same = (segment[:, :, None] == segment[:, None]) | (segment[:, None] == 0)
        mask = (causal & same & (segment[:, :, None] >= 0)) | torch.eye(length, dtype=torch.bool)
        return ids, pos, mask[:, None], target
