"""Findings on a fundus photograph: where they lie, how they are drawn, and what can be seen of them.

A finding is {'name', 'zone', 'seed', 'amount'}; zones are anatomical and centred on the fovea:
macula, disc, superotemporal, inferotemporal, superonasal, inferonasal, all (scattered over the field).
Lesions are drawn large enough to be seen in a photograph shown at 224 px (a microaneurysm is about 1.6 % of the field
wide, roughly twice life size): a finding is true only where enough of it lies inside the camera's field.
"""
from __future__ import annotations

import cv2
import numpy as np

from .canvas import blob, blur, disc, line, paint

FINDINGS = ['microaneurysms', 'haemorrhages', 'flame', 'exudates', 'cotton-wool', 'drusen', 'laser', 'neovascular', 'crescent']
INDEX = {n: i for i, n in enumerate(FINDINGS)}
ZONES = ['macula', 'disc', 'superotemporal', 'inferotemporal', 'superonasal', 'inferonasal', 'all']
WHERE = {  # zones in which each finding may lie, with weights
    'microaneurysms': dict(macula=3, superotemporal=1, inferotemporal=1, all=3),
    'haemorrhages': dict(macula=1, superotemporal=1.5, inferotemporal=1.5, superonasal=1, inferonasal=1, all=3),
    'flame': dict(disc=3, superotemporal=1.5, inferotemporal=1.5, superonasal=0.7, inferonasal=0.7),
    'exudates': dict(macula=4, superotemporal=1.5, inferotemporal=1.5, all=1),
    'cotton-wool': dict(disc=1, superotemporal=1.5, inferotemporal=1.5, superonasal=1, inferonasal=1, all=1),
    'drusen': dict(macula=1),
    'laser': dict(all=1),
    'neovascular': dict(disc=2, superotemporal=1, inferotemporal=1),
    'crescent': dict(disc=1),
}
DISEASES = {  # disease -> (finding, chance)
    'diabetic': [('microaneurysms', 0.75), ('haemorrhages', 0.65), ('exudates', 0.55), ('cotton-wool', 0.3), ('flame', 0.2),
                 ('neovascular', 0.25), ('laser', 0.22)],
    'hypertensive': [('flame', 0.8), ('cotton-wool', 0.6), ('exudates', 0.25), ('haemorrhages', 0.3)],
    'macular': [('drusen', 1.0), ('haemorrhages', 0.1)],
    'myopic': [('crescent', 1.0)],
    'mixed': [(n, 0.3) for n in FINDINGS],
    'none': [],
}


def sample(rng, scene, wanted=None) -> list[dict]:
    """Draws a set of findings; `wanted` fixes their names."""
    if wanted is None:
        kind = rng.choice(list(DISEASES), p=[0.3, 0.1, 0.12, 0.08, 0.2, 0.2])
        wanted = [n for n, p in DISEASES[str(kind)] if rng.random() < p]
    return [make(rng, n) for n in wanted]


def make(rng, name, zone=None, amount=None) -> dict:
    zones, weights = zip(*WHERE[name].items())
    p = np.array(weights, float)
    return {'name': name, 'zone': zone or str(rng.choice(zones, p=p / p.sum())), 'seed': int(rng.integers(1 << 31)),
            'amount': float(rng.uniform(0, 1)) if amount is None else amount}


class Masks:
    """One mask per finding, uint8 [H, W]; made only when drawn on."""

    def __init__(self, size, count):
        self.size, self.layers, self.count = size, {}, count

    def add(self, name, mask):
        i = INDEX[name]
        self.layers[i] = np.maximum(self.layers[i], mask) if i in self.layers else mask.copy()

    def cells(self, grid, field):
        """-> cells uint8 [F, rows, cols] (0/1) and the names with enough area inside the field."""
        cols, rows = grid
        out = np.zeros((self.count, rows, cols), np.uint8)
        visible = []
        w, h = self.size
        for i, m in self.layers.items():
            m = cv2.bitwise_and(m, field)
            frac = cv2.resize(m.astype(np.float32) / 255, (cols, rows), interpolation=cv2.INTER_AREA)
            need = {'microaneurysms': 0.008, 'neovascular': 0.03}.get(FINDINGS[i], 0.02)
            out[i] = frac > need
            area = m.mean() / 255
            if area > {'microaneurysms': 0.0006, 'haemorrhages': 0.001, 'crescent': 0.0015}.get(FINDINGS[i], 0.0012):
                visible.append(FINDINGS[i])
            else:
                out[i] = 0
        return out, visible


def places(rng, scene, zone, n):
    """n positions [n, 2] (DD) in an anatomical zone."""
    dx, dy = scene['disc']
    side = np.sign(dx)
    a = rng.uniform(0, 2 * np.pi, n)
    if zone == 'macula':
        r = np.abs(rng.normal(0.0, 0.62, n)) + 0.12
        return np.stack([r * np.cos(a), r * np.sin(a)], 1)
    if zone == 'disc':
        r = rng.uniform(0.6, 1.15, n)
        return np.stack([dx + r * np.cos(a), dy + r * np.sin(a)], 1)
    if zone == 'all':
        r = 0.6 + 2.9 * np.sqrt(rng.uniform(0, 1, n))
        return np.stack([r * np.cos(a), r * np.sin(a)], 1)
    up = -1 if zone.startswith('super') else 1
    temporal = zone.endswith('temporal')
    x = np.abs(rng.normal(1.3, 0.5, n)) * (-side if temporal else side)
    y = up * np.abs(rng.normal(1.6, 0.45, n))
    return np.stack([x, y], 1)


def draw_below(scene, view, img, masks):
    """Findings under the vessels."""
    for f in scene['findings']:
        rng = np.random.default_rng(f['seed'])
        n = f['name']
        if n in ('drusen', 'exudates', 'laser', 'crescent'):
            m = np.zeros(img.shape[:2], np.uint8)
            BELOW[n](rng, scene, view, img, m, f)
            masks.add(n, m)


def draw_above(scene, view, img, masks, angiogram=False):
    """Findings over the vessels (not drawn in angiograms but for blocked dye)."""
    for f in scene['findings']:
        rng = np.random.default_rng(f['seed'])
        n = f['name']
        if n in ABOVE:
            m = np.zeros(img.shape[:2], np.uint8)
            ABOVE[n](rng, scene, view, img, m, f, angiogram)
            masks.add(n, m)


def _field_px(view):
    return view.radius * 2


def _drusen(rng, scene, view, img, m, f):
    n = int(14 + 40 * f['amount'])
    size = rng.uniform(0.05, 0.12)
    for x, y in view.px(places(rng, scene, 'macula', n) * 1.15):
        blob(rng, m, x, y, max(1.4, size * rng.uniform(0.6, 1.3) * view.scale), 0.15)
    colour = np.clip(np.asarray(scene['base']) * 0.55 + np.array([115, 105, 60]), 0, 255)
    paint(img, blur(m, 0.02 * view.scale), colour, 0.75)


def _exudates(rng, scene, view, img, m, f):
    n = int(16 + 45 * f['amount'])
    ring = f['zone'] == 'macula' and rng.random() < 0.5
    pts = places(rng, scene, f['zone'], n)
    if f['zone'] != 'all':  # clusters
        c = places(rng, scene, f['zone'], 3)
        pts = np.concatenate([c[rng.integers(0, 3, n)] + rng.normal(0, 0.22, (n, 2)), pts[: n // 6]])
    if ring:
        a = rng.uniform(0, 2 * np.pi, n)
        r = rng.uniform(0.55, 0.85)
        pts = np.stack([r * np.cos(a), r * np.sin(a)], 1) + rng.normal(0, 0.07, (n, 2))
    for x, y in view.px(pts):
        blob(rng, m, x, y, max(1.2, rng.uniform(0.025, 0.085) * view.scale), 0.5, points=7)
    paint(img, blur(m, 0.35), np.clip(np.asarray(scene['base']) * 0.1 + np.array([225, 210, 120]), 0, 255), 0.95)


def _laser(rng, scene, view, img, m, f):
    step = rng.uniform(0.38, 0.55)
    dark = np.zeros_like(m)
    g = np.arange(-5, 5, step)
    for gx in g:
        for gy in g:
            x, y = gx + rng.normal(0, 0.06), gy + rng.normal(0, 0.06)
            if x * x + (y * 1.15) ** 2 < 1.75 ** 2 or np.hypot(x - scene['disc'][0], y - scene['disc'][1]) < 1.0:
                continue
            if rng.random() < 0.22:
                continue
            (px, py), = view.px([(x, y)])
            r = rng.uniform(0.09, 0.14) * view.scale
            blob(rng, m, px, py, max(1.6, r), 0.12)
            if rng.random() < 0.5:
                disc(dark, px, py, max(0.8, r * 0.5))
    paint(img, blur(m, 0.5), np.clip(np.asarray(scene['base']) * 0.55 + np.array([95, 95, 65]), 0, 255), 0.75)
    paint(img, blur(dark, 0.4), np.asarray(scene['base']) * 0.3, 0.7)


def _crescent(rng, scene, view, img, m, f):
    dx, dy = scene['disc']
    side = np.sign(dx)
    w = 0.16 + 0.3 * f['amount']
    (px, py), = view.px([(dx - side * w * 0.75, dy)])
    disc(m, px, py, (0.5 + w * 0.55) * view.sx, (0.53 + w * 0.25) * view.sy)
    colour = np.clip(np.asarray(scene['base']) * 0.3 + np.array([160, 150, 105]), 0, 255)
    paint(img, blur(m, 0.02 * view.scale), colour, 0.85)
    (cx, cy), = view.px([(dx, dy)])
    disc(m, cx, cy, 0.5 * view.sx * scene['discAspect'], 0.5 * view.sy, value=0)


def _micro(rng, scene, view, img, m, f, angiogram):
    n = int(12 + 22 * f['amount'])
    r = 0.008 * _field_px(view)
    pts = places(rng, scene, f['zone'], n)
    pts = pts[np.hypot(*(pts - np.asarray(scene['disc'])).T) > 0.65]
    for x, y in view.px(pts):
        disc(m, x, y, r * rng.uniform(0.85, 1.2))
    colour = np.array([245, 245, 245]) if angiogram else np.asarray(scene['base']) * np.array([0.55, 0.2, 0.2])
    paint(img, blur(m, 0.3), colour, 0.95)


def _haemorrhages(rng, scene, view, img, m, f, angiogram):
    n = int(4 + 11 * f['amount'])
    pts = places(rng, scene, f['zone'], n)
    for x, y in view.px(pts):
        r = rng.uniform(0.1, 0.26)
        blob(rng, m, x, y, max(0.02 * _field_px(view), r * view.scale), 0.38)
    paint(img, blur(m, 0.5), np.asarray(scene['base']) * np.array([0.48, 0.16, 0.2]), 0.93)


def _flame(rng, scene, view, img, m, f, angiogram):
    """Streaks along the nerve fibres, pointing away from the disc."""
    n = int(4 + 7 * f['amount'])
    d = np.asarray(scene['disc'])
    for p in places(rng, scene, f['zone'], n):
        out = (p - d) / (np.hypot(*(p - d)) + 1e-6)
        across = np.array([-out[1], out[0]])
        length = rng.uniform(0.35, 0.7)
        for _ in range(int(rng.integers(4, 8))):
            o = across * rng.normal(0, 0.07)
            s, e = rng.uniform(-0.5, -0.2) * length, rng.uniform(0.2, 0.5) * length
            line(m, view.px([p + o + out * s, p + o * 0.7 + out * (s + e) / 2, p + o * 1.4 + out * e]),
                 max(1.0, 0.045 * view.scale))
    paint(img, blur(m, 0.45), np.asarray(scene['base']) * np.array([0.55, 0.16, 0.18]), 0.9)


def _cotton(rng, scene, view, img, m, f, angiogram):
    n = int(3 + 5 * f['amount'])
    for x, y in view.px(places(rng, scene, f['zone'], n)):
        r = rng.uniform(0.16, 0.3) * view.scale
        for _ in range(3):
            blob(rng, m, x + rng.normal(0, r * 0.35), y + rng.normal(0, r * 0.3), r * 0.75, 0.25)
    colour = np.array([60, 60, 60]) if angiogram else np.clip(np.asarray(scene['base']) * 0.3 + np.array([168, 165, 150]), 0, 255)
    paint(img, blur(m, 0.055 * view.scale), colour, 0.88)


def _neovascular(rng, scene, view, img, m, f, angiogram):
    """A fine tangled net: on the disc, or on an arcade."""
    d = np.asarray(scene['disc'])
    if f['zone'] == 'disc':
        c = d + np.array([rng.normal(0, 0.15), rng.normal(0, 0.15)])
    else:
        c = places(rng, scene, f['zone'], 1)[0]
    size = 0.45 + 0.35 * f['amount']
    for _ in range(int(22 + 14 * f['amount'])):
        p, h = c + rng.normal(0, 0.06, 2), rng.uniform(0, 6.28)
        pts = [p]
        for _ in range(9):
            h += rng.normal(0, 0.85)
            p = p + size * 0.15 * np.array([np.cos(h), np.sin(h)])
            pts.append(p)
        line(m, view.px(pts), max(1.0, 0.024 * view.scale))
    colour = np.array([250, 250, 250]) if angiogram else np.asarray(scene['base']) * np.array([0.75, 0.22, 0.25])
    paint(img, m, colour, 0.9)


BELOW = {'drusen': _drusen, 'exudates': _exudates, 'laser': _laser, 'crescent': _crescent}
ABOVE = {'microaneurysms': _micro, 'haemorrhages': _haemorrhages, 'flame': _flame, 'cotton-wool': _cotton, 'neovascular': _neovascular}
