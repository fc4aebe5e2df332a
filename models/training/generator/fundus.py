"""Procedural colour fundus photographs with known truth.

Scene coordinates are in disc diameters (DD): x grows to the right of the photograph, y downwards, origin at the fovea.
Right eye (OD): the optic disc is to the right of the fovea as the viewer sees it; left eye (OS): to the left.

A scene is a plain dict (JSON-able), so that the same eye can be drawn again at another size or after a year
(see make_samples.py). `draw` renders it.
"""
from __future__ import annotations

import cv2
import numpy as np

from . import findings as F
from .canvas import SHIFT, blur, disc, fixed, grid_xy, line, paint, smooth_noise

CDR_CLASSES = ('small', 'medium', 'large')


def sample_eye(rng, eye=None, wanted=None) -> dict:
    """Anatomy and findings of one eye (no camera)."""
    eye = eye or rng.choice(['OD', 'OS'])
    side = 1.0 if eye == 'OD' else -1.0
    cls = int(rng.choice(3, p=[0.4, 0.32, 0.28]))
    cdr = [rng.uniform(0.15, 0.35), rng.uniform(0.45, 0.57), rng.uniform(0.69, 0.85)][cls]
    scene = {
        'eye': str(eye),
        'anatomySeed': int(rng.integers(1 << 31)),
        'disc': [side * float(rng.uniform(2.1, 2.8)), float(rng.uniform(-0.55, 0.15))],
        'discAspect': float(rng.uniform(0.82, 1.0)),
        'cdr': float(cdr), 'cdrClass': CDR_CLASSES[cls],
        'pallor': bool(rng.random() < 0.12),
        'tortuosity': float(rng.uniform(0.02, 0.16)),
        'vesselWidth': float(rng.uniform(0.055, 0.115)),
        'vesselContrast': float(rng.uniform(0.6, 1.1)),
        'base': sample_base(rng),
        'tessellation': float(rng.choice([0, 0, rng.uniform(0.1, 0.5)])),
        'maculaDark': float(rng.uniform(0.15, 0.5)),
        'reflex': float(rng.choice([0, rng.uniform(0.1, 0.5)])),
    }
    scene['findings'] = F.sample(rng, scene, wanted)
    return scene


def sample_base(rng) -> list[float]:
    """Mean background colour (RGB): pigmentation and camera cast together."""
    bases = [(205, 95, 60), (225, 95, 75), (190, 100, 50), (150, 75, 40), (120, 62, 38), (235, 140, 95), (200, 85, 35),
             (180, 70, 60), (215, 120, 60), (165, 90, 70), (210, 75, 60)]
    c = np.array(bases[int(rng.integers(len(bases)))], np.float32)
    c = c * rng.uniform(0.85, 1.12) + rng.normal(0, 9, 3)
    if rng.random() < 0.1:
        c = c * np.array([0.75, 1.05, 0.8])  # greenish or yellowish cameras
    return [float(v) for v in np.clip(c, 15, 245)]


def sample_camera(rng, scene) -> dict:
    """Where the camera looks, how wide, with which mask, how good."""
    dx, dy = scene['disc']
    kind = rng.choice(['macula', 'disc', 'between', 'free'], p=[0.5, 0.16, 0.24, 0.1])
    fov = float(rng.choice([rng.uniform(4.4, 5.6), rng.uniform(6.0, 8.2), rng.uniform(8.2, 10.5)], p=[0.15, 0.65, 0.2]))
    if kind == 'macula':
        c = [rng.normal(0, 0.2), rng.normal(0, 0.25)]
    elif kind == 'disc':
        c = [dx + rng.normal(0, 0.3), dy + rng.normal(0, 0.3)]
    elif kind == 'between':
        c = [dx * rng.uniform(0.3, 0.6), dy * 0.5 + rng.normal(0, 0.3)]
    else:
        c = [dx * rng.uniform(-0.1, 1.2), rng.normal(0, 0.7)]
    # the eye cannot be told unless the disc is in view and the fovea is not far outside
    mask = str(rng.choice(['circle', 'cut', 'tight', 'inside'], p=[0.42, 0.2, 0.23, 0.15]))
    r = fov / 2 * (0.64 if mask == 'inside' else 0.92)
    if abs(dx - c[0]) > r - 0.3:
        c[0] = dx - np.sign(dx) * (r - 0.3)
    c[1] = float(np.clip(c[1], dy - 0.6 * r, dy + 0.6 * r))
    bad = rng.random()
    quality = 'poor' if bad < 0.12 else 'good'
    return {
        'kind': str(kind), 'centre': [float(c[0]), float(c[1])], 'fov': fov, 'mask': str(mask),
        'notch': bool(rng.random() < 0.35), 'notchAngle': float(rng.uniform(-80, 80)),
        'rotation': float(rng.normal(0, 5)), 'stretch': float(rng.choice([1.0, rng.uniform(0.75, 1.35)], p=[0.7, 0.3])),
        'falloff': float(rng.uniform(0.05, 0.55)), 'light': [float(rng.normal(0, 0.35)), float(rng.normal(0, 0.35))],
        'blur': float(rng.uniform(1.7, 3.0) if quality == 'poor' else rng.choice([0, rng.uniform(0, 0.7)])),
        'haze': float(rng.uniform(0.25, 0.45) if quality == 'poor' else rng.uniform(0, 0.06)),
        'quality': quality, 'gain': float(rng.uniform(0.75, 1.2)), 'contrast': float(rng.uniform(0.85, 1.25)),
        'haloArc': bool(rng.random() < 0.15), 'black': float(rng.choice([0, rng.uniform(0, 14)])),
        'sharpen': float(rng.choice([0, rng.uniform(0.3, 1.2)])), 'seed': int(rng.integers(1 << 31)),
    }


class View:
    """Maps scene coordinates (DD) to pixels of a canvas."""

    def __init__(self, cam, size):
        w, h = size
        self.size = size
        short, diag = min(w, h), np.hypot(w, h)
        m = cam['mask']
        if m == 'circle':
            self.radius = 0.5 * short * 0.975
        elif m == 'cut':  # circle wider than the short side: flat cuts
            self.radius = 0.5 * short * 1.12 if w != h else 0.5 * short * 1.08
        elif m == 'tight':
            self.radius = 0.5 * short * 1.005
        else:  # inside: no mask visible
            self.radius = 0.5 * diag * 1.02
        self.sx = self.sy = self.radius / (cam['fov'] / 2)
        if m in ('circle', 'tight') and cam['stretch'] != 1.0:  # squeezed by a careless resize
            k = cam['stretch']
            self.sx *= min(1.0, k)
            self.sy *= min(1.0, 1 / k)
        if m == 'circle' and w != h and cam['stretch'] != 1.0:
            self.sx, self.sy = 0.4875 * w / (cam['fov'] / 2), 0.4875 * h / (cam['fov'] / 2)
        self.rx, self.ry = self.sx * cam['fov'] / 2, self.sy * cam['fov'] / 2
        self.cx, self.cy = w / 2, h / 2
        a = np.deg2rad(cam['rotation'])
        self.rot = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]], np.float32)
        self.centre = np.asarray(cam['centre'], np.float32)
        self.scale = 0.5 * (self.sx + self.sy)  # px per DD

    def px(self, points):
        """Points [N, 2] in DD -> pixels [N, 2]."""
        p = (np.atleast_2d(np.asarray(points, np.float32)) - self.centre) @ self.rot.T
        return p * np.array([self.sx, self.sy], np.float32) + np.array([self.cx, self.cy], np.float32)

    def dd(self, x, y):
        """Pixel grids -> scene grids (DD)."""
        u, v = (x - self.cx) / self.sx, (y - self.cy) / self.sy
        r = self.rot
        return u * r[0, 0] + v * r[1, 0] + self.centre[0], u * r[0, 1] + v * r[1, 1] + self.centre[1]


def vessel_tree(scene):
    """Vessels as (points [N, 2] in DD, width at the start in DD, isVein), grown from the disc.

        superior arcade        the two temporal arcades bend round the fovea,
      ___/                     the nasal vessels fan out,
     (O)    fovea              branches leave at 25..60 degrees and get thinner
      ‾‾‾\\
        inferior arcade
    """
    rng = np.random.default_rng(scene['anatomySeed'])
    side = np.sign(scene['disc'][0])
    dx, dy = scene['disc']
    out = []

    def grow(p, heading, length, width, vein, depth, bend):
        n = max(4, int(length / 0.14))
        step = length / n
        pts = [np.array(p, np.float64)]
        wob = rng.normal(0, scene['tortuosity'] * 2.2, n)
        wob = np.convolve(wob, [0.25, 0.5, 0.25], 'same')
        h = heading
        for i in range(n):
            h += bend * step + wob[i] * 0.5
            q = pts[-1] + step * np.array([np.cos(h), np.sin(h)])
            if np.hypot(*q) < 0.45:  # foveal avascular zone
                break
            pts.append(q)
            if depth > 0 and 2 < i < n - 2 and rng.random() < (0.17 if depth > 1 else 0.14):
                turn = rng.choice([-1, 1]) * np.deg2rad(rng.uniform(25, 65))
                grow(q, h + turn, length * rng.uniform(0.3, 0.6), width * (1 - 0.5 * i / n) * rng.uniform(0.4, 0.7), vein,
                     depth - 1, rng.normal(0, 0.15))
        if len(pts) > 2:
            out.append((np.array(pts, np.float32), width, vein))

    w0 = scene['vesselWidth']
    for up in (-1, 1):
        for vein in (True, False):
            # temporal arcades: start nearly vertical, bend towards the fovea's side, then level off
            height = rng.uniform(1.9, 2.9)
            n = 26
            t = np.linspace(0, 1, n)
            run = rng.uniform(5.2, 7.0)
            xs = dx - side * run * (0.12 * t + 0.88 * t ** 1.25)
            ys = dy + up * height * (1 - np.exp(-4.2 * t)) * (1 - 0.25 * t ** 2) + (0.12 if vein else -0.05)
            ys = ys + np.cumsum(rng.normal(0, scene['tortuosity'] * 0.22, n))
            xs = xs + (0.1 if vein else -0.08) * side * np.minimum(1, t * 8)
            pts = np.stack([xs, ys], 1)
            w = w0 * (1.0 if vein else 0.75) * rng.uniform(0.85, 1.1)
            out.append((pts.astype(np.float32), w, vein))
            for i in range(2, n - 2):
                if rng.random() < 0.34:
                    d = pts[i + 1] - pts[i]
                    h = np.arctan2(d[1], d[0])
                    turn = rng.choice([-1, 1]) * np.deg2rad(rng.uniform(25, 65))
                    grow(pts[i], h + turn, rng.uniform(0.9, 2.6), w * (1 - 0.6 * t[i]) * rng.uniform(0.4, 0.75), vein, 2,
                         rng.normal(0, 0.15))
            # nasal vessels
            for _ in range(int(rng.integers(1, 3))):
                h = np.arctan2(up * np.sin(np.deg2rad(rng.uniform(20, 75))), side * 0.8)
                grow((dx, dy), h, rng.uniform(2.5, 4.5), w * rng.uniform(0.45, 0.8), vein, 2, rng.normal(0, 0.1))
    for _ in range(int(rng.integers(2, 5))):  # small vessels to the macula and around
        h = (np.pi if side > 0 else 0) + np.deg2rad(rng.uniform(-40, 40))
        grow((dx, dy), h, rng.uniform(1.0, 1.9), w0 * rng.uniform(0.25, 0.45), bool(rng.random() < 0.5), 1, rng.normal(0, 0.2))
    return out


def draw_vessels(scene, view, strength=1.0):
    """Vein and artery masks, uint8 [H, W] each."""
    w, h = view.size
    vein, artery, reflex = (np.zeros((h, w), np.uint8) for _ in range(3))
    for pts, width, is_vein in vessel_tree(scene):
        p = view.px(pts)
        n = len(p)
        parts = 4 if n > 8 else 2
        edges = np.linspace(0, n - 1, parts + 1).astype(int)
        for k in range(parts):
            seg = p[edges[k]:edges[k + 1] + 1]
            wd = width * view.scale * (1 - 0.62 * k / parts)
            line(vein if is_vein else artery, seg, wd, 255)
            if not is_vein and wd > 2.5:
                line(reflex, seg, wd * 0.3, 255)
    return vein, artery, reflex


def field_mask(cam, view):
    """Camera mask [H, W] uint8: 255 inside the field."""
    w, h = view.size
    mask = np.zeros((h, w), np.uint8)
    if cam['mask'] == 'inside':
        mask[:] = 255
        return mask
    disc(mask, view.cx, view.cy, view.rx, view.ry)
    if cam['notch'] and cam['mask'] == 'circle':
        a = np.deg2rad(cam['notchAngle'])
        d = np.array([np.cos(a), np.sin(a)])
        e = np.array([-d[1], d[0]])
        c = np.array([view.cx, view.cy]) + d * np.array([view.rx, view.ry]) * 0.99
        s = view.radius * 0.06
        quad = np.stack([c - e * s, c + e * s, c + e * s + d * s, c - e * s + d * s])
        cv2.fillPoly(mask, [fixed(quad)], 255, cv2.LINE_AA, SHIFT)
    return mask


def landmarks(scene, cam, size) -> dict:
    """Disc and fovea in the photograph, as fractions of its width and height."""
    q = View(cam, size).px([scene['disc'], (0, 0)]) / np.array(size)
    return {'disc': [round(float(v), 4) for v in q[0]], 'fovea': [round(float(v), 4) for v in q[1]]}


def draw(scene, cam, size, angiogram=False, grid=None):
    """Renders a scene.

    size: (width, height) px. grid: (columns, rows) of the cells for which finding masks are wanted.
    Returns image uint8 [H, W, 3] and truth {'cells': uint8 [F, rows, cols], 'visible': names, 'discInView', 'foveaInView'}.
    """
    rng = np.random.default_rng(cam['seed'])
    w, h = size
    view = View(cam, size)
    x, y = grid_xy(size)
    sx, sy = view.dd(x, y)
    dx, dy = scene['disc']
    ppd = view.scale
    base = np.asarray(scene['base'], np.float32)
    anat = np.random.default_rng(scene['anatomySeed'] + 1)
    tex = smooth_noise(anat, size, 5, 2) * 0.06 + smooth_noise(anat, size, 40, 1) * 0.018
    img = base * (1 + tex[..., None] * np.array([0.6, 1.0, 1.0], np.float32))
    if scene['tessellation']:
        t = np.abs(smooth_noise(anat, size, 16, 1))
        t = np.clip(1 - t * 3, 0, 1) * scene['tessellation']
        img *= 1 + 0.28 * t[..., None] * np.array([0.6, 1.0, 1.0], np.float32) - 0.06 * scene['tessellation']
    # macula: darker, redder; nerve-fibre sheen around the disc
    r2 = sx * sx + (sy * 1.1) ** 2
    dark = scene['maculaDark'] * (0.45 * np.exp(-r2 / 1.2) + 0.6 * np.exp(-r2 / 0.12))
    img *= 1 - dark[..., None] * np.array([0.45, 0.75, 0.7], np.float32)
    d2 = (sx - dx) ** 2 + (sy - dy) ** 2
    img *= 1 + (0.16 * np.exp(-d2 / 1.6))[..., None]
    if scene['reflex']:
        ring = np.exp(-((np.sqrt(r2) - 0.1) / 0.05) ** 2) * scene['reflex'] * 60
        img += ring[..., None]

    masks = F.Masks(size, len(F.FINDINGS))
    F.draw_below(scene, view, img, masks)  # drusen, exudates, scars, crescent lie under the vessels

    # disc: rim, cup, blurred edge
    cx, cy = view.px([(dx, dy)])[0]
    rim, cup = np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)
    rx, ry = 0.5 * view.sx * scene['discAspect'], 0.5 * view.sy
    disc(rim, cx, cy, rx, ry, cam['rotation'])
    k = scene['cdr']
    disc(cup, cx - np.sign(dx) * 0.04 * view.sx * (1 - k), cy, rx * k, ry * k, cam['rotation'])
    rim_c = np.clip(base * 0.5 + np.array([125, 70, 42]), 0, 255)
    cup_c = np.clip(base * 0.15 + np.array([222, 200, 158]), 0, 255)
    if scene['pallor']:
        rim_c = rim_c * 0.35 + np.array([238, 226, 190]) * 0.65
    bright = np.clip(base.mean() / 120, 0.75, 1.08)
    paint(img, blur(rim, 0.035 * ppd), rim_c * bright, 0.92)
    paint(img, blur(cup, 0.05 * ppd), cup_c * bright, 0.9)

    vein, artery, reflex = draw_vessels(scene, view)
    soft = 0.35 + 0.004 * ppd
    fade = np.clip(255 - 130 * (cup > 128), 0, 255).astype(np.float32) / 255  # vessels dive into the cup
    vm, am = blur(vein, soft) * fade, blur(artery, soft) * fade
    vc = scene['vesselContrast']
    img *= 1 - vc * (vm / 255.0)[..., None] * np.array([0.28, 0.58, 0.5], np.float32)
    img *= 1 - vc * (am / 255.0)[..., None] * np.array([0.14, 0.46, 0.42], np.float32)
    if reflex.any():
        img += (blur(reflex, soft) / 255.0)[..., None] * np.array([18, 22, 14], np.float32)
    if angiogram:
        # everything that carries dye is bright, pigment and blood are dark
        grey = 70 + 26 * tex / 0.06 - 45 * np.exp(-r2 / 0.5)
        grey = grey + 0.72 * np.maximum(vm, am) * (1 - 0.2 * (am > vm)) + 28 * (blur(rim, 0.05 * ppd) / 255)
        img = np.repeat(grey[..., None], 3, 2).astype(np.float32)

    F.draw_above(scene, view, img, masks, angiogram)  # haemorrhages, soft exudates, new vessels

    # camera
    ex, ey = (x - view.cx) / view.rx, (y - view.cy) / view.ry
    fall = 1 - cam['falloff'] * np.clip((ex - cam['light'][0]) ** 2 + (ey - cam['light'][1]) ** 2, 0, 1.6) * 0.55
    img *= fall[..., None]
    if cam['haze']:
        hz = cam['haze'] * (1 + 0.5 * smooth_noise(rng, size, 2))
        img += np.clip(hz, 0, 0.8)[..., None] * (base * 0.9 + 25 - img)
    img = (img - 90) * cam['contrast'] + 90
    img *= cam['gain']
    px_blur = cam['blur'] * min(w, h) / 256
    img = blur(img, px_blur)
    if cam['sharpen']:
        img += cam['sharpen'] * (img - blur(img, 0.012 * min(w, h)))
    if cam['haloArc']:
        rr = np.sqrt(ex ** 2 + ey ** 2)
        a = np.exp(-((rr - 0.96) / 0.05) ** 2) * np.clip(ex * np.cos(cam['notchAngle']) + ey * np.sin(cam['notchAngle']), 0, 1)
        img += a[..., None] * np.array([90, 100, 110], np.float32)
    np.clip(img, 0, 255, out=img)
    field = field_mask(cam, view)
    f = (blur(field, 0.6).astype(np.float32) / 255)[..., None]
    img = img * f + cam['black'] * (1 - f)

    cells, visible = None, []
    if grid is not None:
        cells, visible = masks.cells(grid, field)
    truth = {'cells': cells, 'visible': visible, 'shape': field}
    truth.update(landmarks(scene, cam, size))
    q = view.px([(dx, dy), (0, 0)])
    inside = ((q[:, 0] - view.cx) / view.rx) ** 2 + ((q[:, 1] - view.cy) / view.ry) ** 2 < 0.97
    inside &= (q[:, 0] > 4) & (q[:, 0] < w - 4) & (q[:, 1] > 4) & (q[:, 1] < h - 4)
    truth['discInView'], truth['foveaInView'] = bool(inside[0]), bool(inside[1])
    return img, truth
