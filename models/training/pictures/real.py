"""Real photographs for training: lists, labels, geometry.

`labels.csv` (see README.md) says what is known of each photograph. What is not known stays unknown: it is None here, is masked in the
losses and never asked about. `held-back.json` is the committed list of photographs that no training run may see.
"""
from __future__ import annotations

import csv
import json
import os
import re

import cv2
import numpy as np

from generator.findings import FINDINGS
from pictures.photometry import border_of

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = 560  # photographs are kept at this longest side
# share of each source among the real fundus photographs of a batch: 86 % of them come from one camera
SOURCE_SHARE = {'IDRiD': 0.46, 'HRF': 0.2, 'CHASE_DB1': 0.16, 'FIVES': 0.13, 'Commons': 0.05}
LESIONS = {'microaneurysms': 'microaneurysms', 'haemorrhages': 'haemorrhages', 'exudates': 'hard_exudates', 'cotton-wool': 'soft_exudates'}
NEGATIVE_KINDS = {'H&E histology': 'histology', 'OCT B-scan': 'oct', 'clinical skin photograph': 'skin', 'electron microscopy (diatoms)': 'cells',
                  'phase-contrast microscopy': 'cells', 'landscape photograph': 'landscape', 'portrait photograph': 'person', 'texture photograph': 'texture',
                  'cat photograph': 'animal', 'photographed handwriting': 'text', 'photograph': 'object'}


def source_of(row) -> str:
    return 'Commons' if row['source'].startswith('Wikimedia') else row['source']


def read_rows(folder):
    """Rows of labels.csv; a grade on which the source contradicts itself is dropped."""
    with open(os.path.join(folder, 'labels.csv'), encoding='utf-8') as f:
        rows = list(csv.DictReader(f))
    return [{**r, 'dr_grade': '', 'dme_risk': ''} if 'CONFLICT' in r['notes'] else r for r in rows]


def held_back() -> set[str]:
    with open(os.path.join(HERE, 'held-back.json'), encoding='utf-8') as f:
        return {name for names in json.load(f)['files'].values() for name in names}


def watched(name) -> bool:
    """Photographs that the third stage is watched on and does not train on; they are no held-back ones (the second stage has seen them)."""
    number = re.search(r'idrid_grading_train_(\d+)', name)
    if number:
        return int(number[1]) // 10 in (5, 12, 20, 26, 35)
    return name.startswith(('chasedb1_03', 'chasedb1_12', 'hrf_05', 'fives_7'))


def known_findings(row) -> dict[str, bool]:
    """Findings that the source settles, by its own definitions: IDRiD's grade 0 has none of the lesions of diabetic retinopathy,
    grade 1 has microaneurysms only; its risk of macular oedema is 0 exactly where no hard exudates are seen; its segmented photographs
    are marked for all four lesions. "Healthy" and "normal" photographs have no finding."""
    known: dict[str, bool] = {}
    text, source = row['findings'], source_of(row)
    if text in ('healthy', 'normal'):
        return {n: False for n in FINDINGS if n != 'crescent'}
    if source != 'IDRiD':
        return known
    if row['dr_grade'] == '0':
        known.update({n: False for n in ('microaneurysms', 'haemorrhages', 'flame', 'cotton-wool', 'laser', 'neovascular')})
    if row['dr_grade'] == '1':
        known.update({'microaneurysms': True, 'haemorrhages': False, 'flame': False, 'cotton-wool': False, 'laser': False, 'neovascular': False})
    if row['dr_grade'] in ('2', '3'):
        known['neovascular'] = False
    if row['dme_risk']:
        known['exudates'] = row['dme_risk'] != '0'
    masks = row['masks'].split()
    if 'microaneurysms' in masks:
        known.update({n: tag in masks for n, tag in LESIONS.items()})
    return known


def facts_of(row) -> dict[str, bool]:
    """Conclusions that the source settles. Referable: moderate non-proliferative retinopathy or worse (grade 2 to 4)."""
    text, grade, risk = row['findings'], row['dr_grade'], row['dme_risk']
    out: dict[str, bool] = {}
    if text in ('healthy', 'normal'):
        return {k: False for k in ('diabetic', 'referable', 'proliferative', 'oedema', 'glaucoma', 'amd')}
    if grade:
        out.update(diabetic=grade != '0', referable=grade in '234', proliferative=grade == '4')
    if risk:
        out['oedema'] = risk != '0'
    if text == 'diabetic retinopathy':
        out['diabetic'] = True
    if text == 'glaucoma':
        out['glaucoma'] = True
    if text.startswith('age-related'):
        out['amd'] = True
    return out


def truth_of(row):
    """Truth in the form of the generator's, None where unknown; `known` and `facts` say what may be asked."""
    w, h = int(row['width']), int(row['height'])
    place = lambda k: [float(row[k + '_x']) / w, float(row[k + '_y']) / h] if row[k + '_x'] else None
    known = known_findings(row)
    view = 'disc' if row['field'].startswith('disc') else 'macula'
    return {'kind': 'fundus', 'real': True, 'source': source_of(row), 'file': row['file'], 'eye': {'right': 'OD', 'left': 'OS'}.get(row['eye']), 'cdr': None,
            'pallor': None, 'quality': None, 'view': view, 'disc': place('disc'), 'fovea': place('fovea'), 'known': known, 'facts': facts_of(row),
            'grade': int(row['dr_grade']) if row['dr_grade'] else None, 'dme': int(row['dme_risk']) if row['dme_risk'] else None,
            'findings': [{'name': n, 'zone': None} for n in FINDINGS if known.get(n)]}


def load(path):
    im = cv2.imread(path, cv2.IMREAD_COLOR)
    s = SIDE / max(im.shape[:2])
    if s < 1:
        im = cv2.resize(im, None, fx=s, fy=s, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(im[..., ::-1])


class RealPhotographs:
    """Fundus photographs and other pictures for training. fundus_folder: the folder with labels.csv; others: folders of KIND/FILE.
    without: sources left out (leave-one-source-out); skip(file name): further photographs left out."""

    def __init__(self, fundus_folder, others=(), without=(), skip=lambda name: False):
        back = held_back()
        self.by_source, self.others, self.drawn_from = {}, {}, set()  # drawn_from: sources of the fundus photographs taken or lent from, until someone empties it
        for row in read_rows(fundus_folder):
            if row['file'] in back or skip(row['file']):
                continue
            path = os.path.join(fundus_folder, 'images', row['file'])
            if row['kind'] != 'fundus':
                kind = NEGATIVE_KINDS[row['modality']]
                self.others.setdefault(kind, []).append(load(path))
                continue
            if source_of(row) in without:
                continue
            truth = truth_of(row)
            image = load(path)
            h, w = image.shape[:2]
            cells = np.zeros((len(FINDINGS), h, w), np.uint8) if 'microaneurysms' in row['masks'] else None
            if cells is not None:
                for i, n in enumerate(FINDINGS):
                    mask = os.path.join(fundus_folder, 'masks', f"{row['file'][:-4]}__{LESIONS.get(n)}.png")
                    if n in LESIONS and os.path.exists(mask):
                        cells[i] = cv2.resize((cv2.imread(mask, 0) > 0).astype(np.uint8) * 255, (w, h), interpolation=cv2.INTER_AREA) > 20
            self.by_source.setdefault(source_of(row), []).append((image, truth, cells, border_of(image)))
        for folder in others:
            for kind in sorted(os.listdir(folder)):
                for name in sorted(os.listdir(os.path.join(folder, kind))):
                    im = load(os.path.join(folder, kind, name))
                    if im is not None:
                        self.others.setdefault(kind, []).append(im)
        self.sources = [s for s in SOURCE_SHARE if s in self.by_source]
        share = np.array([SOURCE_SHARE[s] for s in self.sources])
        self.share = share / share.sum()
        self.other_kinds = sorted(self.others)
        weight = np.array([len(self.others[k]) ** 0.5 for k in self.other_kinds])
        self.other_share = weight / weight.sum()

    def any_image(self, rng):
        """A picture of any kind, for its colours and spectrum."""
        if rng.random() < 0.55:
            return self.fundus_row(rng)[0]
        images = self.others[self.other_kinds[int(rng.choice(len(self.other_kinds), p=self.other_share))]]
        return images[int(rng.integers(len(images)))]

    def fundus_row(self, rng):
        source = self.sources[int(rng.choice(len(self.sources), p=self.share))]
        self.drawn_from.add(source)
        rows = self.by_source[source]
        return rows[int(rng.integers(len(rows)))]

    def fundus(self, rng, size):
        """(image float32 [H, W, 3], truth, cells uint8 [F, rows, cols])"""
        image, truth, masks, box = self.fundus_row(rng)
        return place(rng, image, truth, masks, box, size)

    def other(self, rng, size):
        """(image float32 [H, W, 3], truth): a crop that keeps the aspect ratio."""
        kind = self.other_kinds[int(rng.choice(len(self.other_kinds), p=self.other_share))]
        images = self.others[kind]
        im = images[int(rng.integers(len(images)))]
        (h, w), (tw, th) = im.shape[:2], size
        fit = min(w / tw, h / th)
        zoom = fit * rng.uniform(0.45, 1.0)
        x0, y0 = rng.uniform(0, w - tw * zoom), rng.uniform(0, h - th * zoom)
        angle = rng.normal(0, 6) if rng.random() < .5 else 0
        m = cv2.getRotationMatrix2D((x0 + tw * zoom / 2, y0 + th * zoom / 2), angle, 1 / zoom)
        m[:, 2] += np.array([tw / 2, th / 2]) - [x0 + tw * zoom / 2, y0 + th * zoom / 2]
        return warp(im, m, size, cv2.BORDER_REFLECT_101), {'kind': kind, 'real': True}


def warp(im, m, size, border=cv2.BORDER_CONSTANT):
    """Affine map with the picture blurred first where it shrinks."""
    s = np.sqrt(abs(np.linalg.det(m[:, :2])))
    if s < 0.7:
        k = 1 if s > 0.5 else 2
        small = cv2.resize(im, None, fx=1 / k, fy=1 / k, interpolation=cv2.INTER_AREA) if k > 1 else cv2.GaussianBlur(im, (3, 3), 0.5)
        m = m.copy()
        m[:, :2] *= im.shape[1] / small.shape[1]
        im = small
    return cv2.warpAffine(im, m.astype(np.float32), size, flags=cv2.INTER_LINEAR, borderMode=border).astype(np.float32)


def place(rng, image, truth, masks, box, size):
    """Shows a fundus photograph as cameras and people do: whole, cropped to the field, closer (disc-centred or macula-centred views),
    within a larger dark frame, turned, mirrored (which swaps the eye). box: the field, (x0, y0, x1, y1)."""
    (h, w), (tw, th) = image.shape[:2], size
    x0, y0, x1, y1 = box
    mode = rng.choice(['whole', 'field', 'close', 'frame'], p=[.42, .26, .17, .15])
    if mode == 'close' and truth['view'] == 'disc':
        mode = 'field'
    cx, cy, fw, fh = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
    if mode == 'whole':
        cx, cy, scale = w / 2, h / 2, (max if rng.random() < .25 else min)(tw / w, th / h)
    elif mode == 'field':
        scale = (max if rng.random() < .6 else min)(tw / fw, th / fh) * rng.uniform(.95, 1.12)
    elif mode == 'frame':
        scale = min(tw / fw, th / fh) * rng.uniform(.45, .9)
        cx, cy = cx + rng.normal(0, .12) * tw / scale, cy + rng.normal(0, .1) * th / scale
    else:
        scale = max(tw / fw, th / fh) * rng.uniform(1.15, 1.9)
        target = [truth['disc'], truth['fovea'], None][int(rng.integers(3))]
        if target:
            cx, cy = target[0] * w, target[1] * h
        cx, cy = cx + rng.normal(0, .08) * fw, cy + rng.normal(0, .08) * fh
    stretch = np.exp(rng.normal(0, .04))
    angle = rng.normal(0, 7) if rng.random() < .8 else rng.uniform(-30, 30)
    a = np.deg2rad(angle)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.diag([scale * stretch, scale / stretch])
    mirror, flip = rng.random() < .5, rng.random() < .2  # both together: half a turn
    turn = np.diag([-1 if mirror else 1, -1 if flip else 1]) @ turn
    m = np.concatenate([turn, (np.array([tw / 2, th / 2]) - turn @ [cx, cy])[:, None]], 1)
    t = dict(truth)
    if mirror and t['eye']:
        t['eye'] = 'OS' if t['eye'] == 'OD' else 'OD'
    for k in ('disc', 'fovea'):
        if t[k]:
            p = m @ [t[k][0] * w, t[k][1] * h, 1]
            t[k] = [p[0] / tw, p[1] / th]
    inside = lambda p: p is not None and all(0.02 < v < .98 for v in p)
    if t['disc'] and not inside(t['disc']) or not t['disc'] and mode == 'close':
        t['eye'] = None
    if mode == 'close':  # the rest of the field may hold what the label is about
        t['view'] = None
        t['facts'] = {k: v for k, v in t['facts'].items() if not v and k not in ('glaucoma',)}
        t['known'] = {k: v for k, v in t['known'].items() if not v}
        t['grade'] = t['grade'] if t['grade'] == 0 else None
        t['dme'] = t['dme'] if t['dme'] == 0 else None
        t['findings'] = []
    out = warp(image, m, size)
    rows, cols = th // 28, tw // 28
    cells = np.zeros((len(FINDINGS), rows, cols), np.uint8)
    if masks is not None:
        for i, mask in enumerate(masks):
            if mask.any():
                seen = cv2.warpAffine(mask.astype(np.float32), m.astype(np.float32), size, flags=cv2.INTER_AREA)
                cells[i] = seen.reshape(rows, 28, cols, 28).sum((1, 3)) > 2.5
                if mode == 'close' and cells[i].any():
                    t['known'] = {**t['known'], FINDINGS[i]: True}
                    t['findings'] = [{'name': n, 'zone': None} for n in FINDINGS if t['known'].get(n)]
    t['cellsKnown'] = [bool(masks is not None and n in LESIONS or t['known'].get(n) is False) for n in FINDINGS]
    return out, t, cells
