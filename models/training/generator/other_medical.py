"""Procedural medical images that are not colour fundus photographs.

Each function takes (rng, size) with size = (width, height) px and returns float32 [H, W, 3], RGB 0..255.
"""
from __future__ import annotations

import cv2
import numpy as np

from . import fundus
from .canvas import blob, blur, disc, fixed, grid_xy, line, paint, smooth_noise


def _grey(a):
    return np.repeat(np.asarray(a, np.float32)[..., None], 3, 2)


def oct_scan(rng, size):
    """Retinal OCT B-scan: layered bright bands with a foveal pit, speckle."""
    w, h = size
    x, y = grid_xy(size)
    t = x / w - rng.uniform(0.35, 0.65)
    top = h * (rng.uniform(0.3, 0.5) + rng.uniform(-0.15, 0.15) * t + rng.uniform(-0.5, 0.5) * t * t)
    pit = h * rng.uniform(0.06, 0.12) * np.exp(-(t / rng.uniform(0.06, 0.12)) ** 2)
    thick = h * rng.uniform(0.2, 0.3)
    d = (y - top - pit) / (thick - pit)
    out = np.full((h, w), rng.uniform(5, 25), np.float32)
    for lo, hi, v in [(0, .12, 190), (.12, .3, 130), (.3, .38, 70), (.38, .5, 120), (.5, .56, 65), (.56, .78, 50),
                      (.78, .83, 170), (.83, .88, 90), (.88, 1.0, 230)]:
        out += (v * rng.uniform(0.8, 1.15)) * ((d >= lo) & (d < hi))
    below = d >= 1.0
    out += below * 120 * np.exp(-(d - 1) * 2.0)
    if rng.random() < 0.3:  # fluid
        m = np.zeros((h, w), np.uint8)
        for _ in range(int(rng.integers(2, 6))):
            xx = int(w * rng.uniform(0.35, 0.65))
            blob(rng, m, xx, float(top[0, xx]) + thick * rng.uniform(0.4, 0.7), thick * rng.uniform(0.05, 0.15))
        out *= 1 - 0.9 * m / 255
    out = blur(out, 0.8) * rng.gamma(5, 0.2, out.shape).astype(np.float32)
    out = blur(out, 0.5)
    if rng.random() < 0.15:
        out = 255 - np.clip(out, 0, 255)
    return _grey(out)


def angiogram(rng, size):
    """Fluorescein angiogram: the fundus generator in grey, vessels bright."""
    s = fundus.sample_eye(rng, wanted=[n for n in ('microaneurysms', 'neovascular', 'haemorrhages') if rng.random() < 0.3])
    c = fundus.sample_camera(rng, s)
    c['contrast'] = float(rng.uniform(1.1, 1.6))
    c['haloArc'] = False
    img, _ = fundus.draw(s, c, size, angiogram=True)
    img = _grey(img.mean(2))
    if rng.random() < 0.1:
        img *= np.array([0.7, 1.0, 0.7], np.float32)
    return img


def external_eye(rng, size):
    """External or slit-lamp view: lids, sclera, iris, pupil, light reflex."""
    w, h = size
    skin = np.array([[225, 180, 150], [190, 140, 110], [120, 80, 60], [240, 200, 175]][int(rng.integers(4))], np.float32)
    img = np.ones((h, w, 3), np.float32) * skin * (1 + 0.08 * smooth_noise(rng, size, 6, 2))[..., None]
    cx, cy = w * rng.uniform(0.4, 0.6), h * rng.uniform(0.42, 0.58)
    ew = w * rng.uniform(0.38, 0.7)
    eh = ew * rng.uniform(0.38, 0.62)
    a = np.linspace(0, np.pi, 30)
    up = np.stack([cx - ew * np.cos(a), cy - eh * np.sin(a) ** 1.2], 1)
    lo = np.stack([cx + ew * np.cos(a), cy + eh * 0.75 * np.sin(a) ** 1.2], 1)
    m = np.zeros((h, w), np.uint8)
    cv2.fillPoly(m, [fixed(np.concatenate([up, lo]))], 255, cv2.LINE_AA, 4)
    eye = np.ones_like(img) * np.array([228, 222, 218], np.float32) * (1 + 0.06 * smooth_noise(rng, size, 4))[..., None]
    for _ in range(int(rng.integers(0, 14))):
        v = np.zeros((h, w), np.uint8)
        s = rng.choice([-1, 1])
        p = np.array([cx + s * ew * 0.95, cy + rng.normal(0, eh * 0.3)])
        pts = [p]
        for _ in range(7):
            p = p + np.array([-s * ew * 0.05, rng.normal(0, 3)])
            pts.append(p)
        line(v, pts, 1)
        paint(eye, v, (200, 70, 60), 0.6)
    r = eh * rng.uniform(0.75, 0.98)
    iris = np.array([[90, 60, 35], [70, 110, 140], [95, 120, 70], [50, 35, 25], [130, 140, 150]][int(rng.integers(5))], np.float32)
    x, y = grid_xy(size)
    ix = cx + rng.normal(0, ew * 0.12)
    rr, ang = np.hypot(x - ix, y - cy), np.arctan2(y - cy, x - ix)
    spokes = 1 + 0.22 * np.sin(ang * rng.integers(30, 70) + 2 * smooth_noise(rng, size, 8))
    shade = iris * (spokes * (1.25 - 0.6 * rr / r))[..., None]
    k = np.clip(r - rr, 0, 1)[..., None]
    eye = eye * (1 - k) + shade * k
    pr = r * rng.uniform(0.25, 0.6)
    k = np.clip(pr - rr, 0, 1)[..., None]
    pupil = np.array([200, 200, 195]) if rng.random() < 0.12 else np.array([12, 10, 10])  # cataract now and then
    eye = eye * (1 - k) + pupil * k
    f = (blur(m, 1.0) / 255.0)[..., None]
    img = img * f * 0 + img * (1 - f) + eye * f
    lash = np.zeros((h, w), np.uint8)
    for p in up[3:-3:1]:
        for _ in range(2):
            line(lash, [p, p + np.array([rng.normal(0, 6) + (p[0] - cx) * 0.1, -rng.uniform(8, 22) * h / 224])], 1)
    line(lash, up, 2)
    paint(img, lash, (30, 20, 15), 0.85)
    spot = np.zeros((h, w), np.uint8)
    disc(spot, ix + r * rng.uniform(-.3, .3), cy + r * rng.uniform(-.4, .2), r * rng.uniform(0.06, 0.14))
    paint(img, spot, (255, 255, 255), 0.95)
    if rng.random() < 0.25:  # slit beam
        b = np.zeros((h, w), np.uint8)
        bx = ix + rng.uniform(-.5, .5) * r
        line(b, [(bx, cy - r), (bx - r * 0.25, cy), (bx, cy + r)], r * 0.15)
        img *= 0.45
        paint(img, blur(b, 2), (210, 220, 255), 0.7)
    return img


def chest_xray(rng, size):
    """Chest radiograph: dark lungs, ribs, heart shadow, spine."""
    w, h = size
    img = np.full((h, w), rng.uniform(120, 165), np.float32)
    x, y = grid_xy(size)
    img *= 1 - 0.5 * np.clip(np.abs(x / w - 0.5) * 2 - 0.82, 0, 1) * 3
    lungs = np.zeros((h, w), np.uint8)
    for s in (-1, 1):
        cx = w * (0.5 + s * rng.uniform(0.19, 0.23))
        a = np.linspace(0, 2 * np.pi, 40)
        px = cx + w * 0.16 * np.cos(a) * (1 + 0.25 * np.sin(a))
        py = h * 0.48 + h * rng.uniform(0.3, 0.36) * np.sin(a)
        cv2.fillPoly(lungs, [fixed(np.stack([px, py], 1))], 255, cv2.LINE_AA, 4)
    img -= blur(lungs, w * 0.02) / 255 * rng.uniform(75, 110)
    for i in range(9):  # ribs
        yy = h * (0.12 + 0.085 * i)
        for s in (-1, 1):
            m = np.zeros((h, w), np.uint8)
            t = np.linspace(0, 1, 14)
            line(m, np.stack([w * (0.5 + s * (0.04 + 0.36 * np.sin(t * 1.7))), yy + h * (0.16 * t ** 1.6 - 0.03)], 1), h * 0.022)
            img += blur(m, 1.2) / 255 * rng.uniform(14, 30)
    heart = np.zeros((h, w), np.uint8)
    blob(rng, heart, w * 0.55, h * 0.63, w * rng.uniform(0.12, 0.17), 0.12, points=14)
    img += blur(heart, w * 0.02) / 255 * 75
    spine = np.exp(-((x / w - 0.5) / 0.035) ** 2)
    img += spine * (38 + 9 * np.sin(y / h * 75))
    img += np.exp(-((y / h - 1.0) / 0.13) ** 2) * 70 + 6 * smooth_noise(rng, size, 20)
    for s in (-1, 1):  # clavicles
        m = np.zeros((h, w), np.uint8)
        line(m, [(w * (0.5 + s * 0.03), h * 0.17), (w * (0.5 + s * 0.2), h * 0.12), (w * (0.5 + s * 0.38), h * 0.09)], h * 0.025)
        img += blur(m, 1) / 255 * 40
    return _grey(img * rng.uniform(0.8, 1.15))


def skin_lesion(rng, size):
    """Dermoscopy or a plain photograph of a spot on the skin."""
    w, h = size
    skin = np.array([[228, 185, 165], [205, 150, 125], [240, 205, 190], [150, 105, 80], [225, 160, 150]][int(rng.integers(5))], np.float32)
    img = np.ones((h, w, 3), np.float32) * skin * (1 + 0.05 * smooth_noise(rng, size, 8, 3))[..., None]
    m = np.zeros((h, w), np.uint8)
    n = 1 if rng.random() < 0.8 else int(rng.integers(2, 7))
    for _ in range(n):
        blob(rng, m, w * rng.uniform(0.35, 0.65), h * rng.uniform(0.35, 0.65), min(w, h) * rng.uniform(0.08, 0.3) / n ** 0.5, 0.3, points=16)
    colour = np.array([[95, 55, 40], [60, 35, 30], [150, 80, 70], [45, 40, 50], [170, 60, 60]][int(rng.integers(5))], np.float32)
    tex = (1 + 0.35 * smooth_noise(rng, size, 14, 2))[..., None]
    f = (blur(m, min(w, h) * rng.uniform(0.01, 0.04)) / 255.0)[..., None]
    img = img * (1 - f) + colour * tex * f
    hair = np.zeros((h, w), np.uint8)
    for _ in range(int(rng.choice([0, 0, 3, 8]))):
        p, a = np.array([rng.uniform(0, w), rng.uniform(0, h)]), rng.uniform(0, 6.28)
        t = np.linspace(0, 1, 10)
        line(hair, p + np.stack([np.cos(a + t * .8), np.sin(a + t * .8)], 1) * (t * w * 0.5)[:, None], 1.2)
    paint(img, hair, (35, 25, 22), 0.8)
    if rng.random() < 0.3:  # dermoscope ring
        x, y = grid_xy(size)
        r = np.hypot(x - w / 2, y - h / 2)
        img *= np.clip((min(w, h) * rng.uniform(0.47, 0.56) - r) / 5, 0, 1)[..., None]
    return img


def histology(rng, size):
    """Stained tissue: many nuclei on a pink, blue or brown ground."""
    w, h = size
    ground, nucleus, other = [((235, 190, 215), (95, 55, 140), (215, 120, 170)), ((225, 225, 235), (90, 110, 170), (150, 95, 60)),
                              ((240, 215, 225), (120, 60, 120), (225, 150, 185)), ((210, 215, 228), (70, 80, 150), (120, 70, 40))][int(rng.integers(4))]
    img = np.ones((h, w, 3), np.float32) * np.array(ground, np.float32)
    t = np.clip(smooth_noise(rng, size, rng.uniform(4, 12), 3) * 1.6 + 0.2, 0, 1)[..., None]
    img += t * (np.array(other, np.float32) - img)
    gaps = np.zeros((h, w), np.uint8)
    for _ in range(int(rng.integers(0, 9))):
        blob(rng, gaps, rng.uniform(0, w), rng.uniform(0, h), w * rng.uniform(0.03, 0.12), 0.35)
    paint(img, blur(gaps, 1), (246, 243, 246), 0.95)
    m = np.zeros((h, w), np.uint8)
    r0 = w * rng.uniform(0.008, 0.03)
    n = int(min(700, 0.16 * w * h / (r0 * r0 * 3.1)))
    xs, ys = rng.uniform(0, w, n), rng.uniform(0, h, n)
    keep = smooth_noise(rng, size, 7)[ys.astype(int), xs.astype(int)] > -0.3
    for x, y in zip(xs[keep], ys[keep]):
        disc(m, x, y, r0 * rng.uniform(0.7, 1.2), r0 * rng.uniform(0.5, 1.0), rng.uniform(0, 180), int(rng.integers(140, 255)))
    paint(img, blur(m, 0.4), nucleus, 0.85)
    return img


def ultrasound(rng, size):
    """Sector or linear ultrasound with speckle."""
    w, h = size
    x, y = grid_xy(size)
    n = smooth_noise(rng, size, rng.uniform(4, 10), 3)
    img = np.clip(75 + 70 * n, 0, 255)
    m = np.zeros((h, w), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        blob(rng, m, w * rng.uniform(.25, .75), h * rng.uniform(.3, .8), w * rng.uniform(0.05, 0.17), 0.2, points=14)
    img = img * (1 - 0.9 * blur(m, 2) / 255)
    img = img * rng.gamma(2.2, 0.45, img.shape)
    img = blur(img.astype(np.float32), 0.7)
    for _ in range(3):
        img += 90 * np.exp(-((y - h * rng.uniform(0.15, 0.9) - 8 * np.sin(x / w * rng.uniform(2, 6))) / 3) ** 2) * rng.uniform(0.1, 0.7)
    if rng.random() < 0.75:
        top = h * rng.uniform(-0.25, 0.02)
        r, a = np.hypot(x - w / 2, y - top), np.arctan2(x - w / 2, y - top)
        img = img * ((np.abs(a) < rng.uniform(0.55, 0.85)) & (r < h * 0.98 - top) & (r > h * 0.09 - top * 0.9))
    return _grey(img)


def ct_slice(rng, size):
    """CT or MR slice of a head or a trunk: bright shell, grey inside, darker chambers."""
    w, h = size
    img = np.zeros((h, w), np.float32) + rng.uniform(0, 8)
    s = min(w, h)
    cx, cy = w / 2, h / 2
    rx, ry = s * rng.uniform(0.3, 0.42), s * rng.uniform(0.36, 0.46)
    if rng.random() < 0.4:
        rx, ry = ry, rx * 0.8
    shell, brain = np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)
    disc(shell, cx, cy, rx, ry)
    disc(brain, cx, cy, rx * rng.uniform(0.86, 0.93), ry * rng.uniform(0.87, 0.94))
    img += blur(shell, 0.6) * rng.uniform(0.7, 1.0)
    f = blur(brain, 0.7) / 255
    img = img * (1 - f) + f * (rng.uniform(60, 120) + rng.choice([0, 18]) * smooth_noise(rng, size, 9, 2))
    for _ in range(int(rng.integers(3, 9))):
        m = np.zeros((h, w), np.uint8)
        ox, oy = rng.uniform(-.5, .5) * rx, rng.uniform(-.6, .6) * ry
        a, b, an, v = rng.uniform(.04, .2) * s, rng.uniform(.03, .12) * s, rng.uniform(0, 180), rng.choice([-55, -35, 35, 55])
        disc(m, cx + ox, cy + oy, a, b, an)
        if rng.random() < 0.5:
            disc(m, cx - ox, cy + oy, a, b, 180 - an)
        img += (blur(m, 0.8) / 255) * f * v
    return _grey(img)


KINDS = {'oct': oct_scan, 'angiogram': angiogram, 'eye': external_eye, 'xray': chest_xray, 'skin': skin_lesion,
         'histology': histology, 'ultrasound': ultrasound, 'ct': ct_slice}
