"""Everyday scenes and hard look-alikes: procedural ones, and crops of licensed real images (see real_images.py).

Procedural functions take (rng, size) with size = (width, height) px and return float32 [H, W, 3], RGB 0..255.
"""
from __future__ import annotations

import os

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .canvas import SHIFT, blob, blur, disc, fixed, grid_xy, line, paint, smooth_noise


def _colour(rng, lo=0, hi=255):
    return rng.uniform(lo, hi, 3).astype(np.float32)


def background(rng, size):
    """A plain, graded or clouded ground."""
    w, h = size
    kind = rng.integers(6)
    if kind <= 1:
        return np.ones((h, w, 3), np.float32) * (np.zeros(3) + rng.uniform(0, 12) if rng.random() < 0.6 else _colour(rng))
    x, y = grid_xy(size)
    t = (np.cos(a := rng.uniform(0, 6.28)) * x / w + np.sin(a) * y / h)[..., None]
    img = _colour(rng) * (1 - t) + _colour(rng) * t
    if kind >= 4:
        img = img * (1 + 0.2 * smooth_noise(rng, size, rng.uniform(3, 40), 3))[..., None]
    return img.astype(np.float32)


def _sphere(rng, size, colour, tex, r=None, rim=0.75, bg=None):
    """Shaded ball; returns image, normalised radius grid [H, W], pixel centre and radius."""
    w, h = size
    img = background(rng, size) if bg is None else bg
    s = min(w, h)
    r = r or s * rng.uniform(0.22, 0.5)
    cx, cy = w / 2 + rng.normal(0, 0.06 * w), h / 2 + rng.normal(0, 0.06 * h)
    x, y = grid_xy(size)
    u, v = (x - cx) / r, (y - cy) / r
    rr = np.sqrt(u * u + v * v)
    z = np.sqrt(np.clip(1 - rr * rr, 0, 1))
    a = rng.uniform(0, 6.28)
    light = np.clip((np.cos(a) * u + np.sin(a) * v) * rng.uniform(0.1, 0.6) + z * rim + 0.25, 0.05, 1.3)
    ball = np.asarray(colour, np.float32) * (1 + tex)[..., None] * light[..., None]
    k = np.clip((1 - rr) * r, 0, 1)[..., None]
    return img * (1 - k) + ball * k, rr, (cx, cy, r)


def _gloss(rng, img, geo, strength=0.7):
    cx, cy, r = geo
    m = np.zeros(img.shape[:2], np.uint8)
    disc(m, cx + rng.uniform(-.4, .4) * r, cy - rng.uniform(.1, .5) * r, r * rng.uniform(.05, .18), r * rng.uniform(.04, .12), rng.uniform(0, 180))
    return paint(img, blur(m, r * 0.04), (255, 255, 255), strength)


def orange(rng, size):
    if rng.random() < 0.35:  # cut across
        img, rr, (cx, cy, r) = _sphere(rng, size, (245, 140, 25), np.zeros((size[1], size[0]), np.float32), rim=0.9)
        m = np.zeros(img.shape[:2], np.uint8)
        n, o = int(rng.integers(8, 13)), rng.uniform(0, 6)
        for i in range(n):
            a, b = o + 2 * np.pi * (i + .07) / n, o + 2 * np.pi * (i + .93) / n
            t = np.linspace(a, b, 8)
            pts = np.concatenate([[[cx + .08 * r * np.cos((a + b) / 2), cy + .08 * r * np.sin((a + b) / 2)]],
                                  np.stack([cx + .86 * r * np.cos(t), cy + .86 * r * np.sin(t)], 1)])
            cv2.fillPoly(m, [fixed(pts)], 255, cv2.LINE_AA, SHIFT)
        paint(img, np.uint8(255 * ((rr < .95) & (rr > 0))), (250, 225, 170), 0.85)
        return paint(img, m, (245, 150 + rng.uniform(-30, 20), 40), 0.9)
    tex = 0.05 * smooth_noise(rng, size, 60, 1) + 0.05 * smooth_noise(rng, size, 5)
    img, rr, geo = _sphere(rng, size, (240 + rng.uniform(-15, 15), 135 + rng.uniform(-25, 25), 25), tex)
    if rng.random() < 0.6:
        m = np.zeros(img.shape[:2], np.uint8)
        blob(rng, m, geo[0] + rng.normal(0, .3) * geo[2], geo[1] + rng.normal(0, .3) * geo[2], geo[2] * .07, .4)
        paint(img, m, (80, 110, 40), 0.9)
    return _gloss(rng, img, geo)


def moon(rng, size):
    tex = 0.22 * smooth_noise(rng, size, 6, 3) - 0.2 * np.clip(smooth_noise(rng, size, 4), 0, 1)
    c = np.array([205, 203, 195]) if rng.random() < .7 else np.array([225, 165, 100])
    bg = np.zeros((size[1], size[0], 3), np.float32) + rng.uniform(0, 12)
    img, rr, (cx, cy, r) = _sphere(rng, size, c, tex, r=min(size) * rng.uniform(.3, .55), rim=.9, bg=bg)
    for _ in range(int(rng.integers(4, 18))):
        m, e = np.zeros(img.shape[:2], np.uint8), np.zeros(img.shape[:2], np.uint8)
        a, q, k = rng.uniform(0, 6.28), rng.uniform(0, .9) * r, r * rng.uniform(.01, .06)
        disc(m, cx + q * np.cos(a), cy + q * np.sin(a), k)
        disc(e, cx + q * np.cos(a) + k * .3, cy + q * np.sin(a) + k * .3, k)
        paint(img, m, c * 1.1, .4)
        paint(img, e, c * .6, .4)
    if rng.random() < .4:  # phase
        x, y = grid_xy(size)
        s = rng.choice([-1, 1])
        img *= np.clip(((x - cx) * s / r + rng.uniform(-.4, .8)) * 6, 0.02, 1)[..., None]
    if rng.random() < .3:  # surface close up
        g = 120 + 40 * smooth_noise(rng, size, 8, 4)
        img = np.repeat(g[..., None], 3, 2).astype(np.float32)
        for _ in range(25):
            k = min(size) * rng.exponential(.02) + 1
            px, py = rng.uniform(0, size[0]), rng.uniform(0, size[1])
            m, e = np.zeros(img.shape[:2], np.uint8), np.zeros(img.shape[:2], np.uint8)
            disc(m, px, py, k); disc(e, px + k * .25, py + k * .25, k * .85)
            paint(img, m, (60, 60, 60), .6); paint(img, e, (190, 190, 190), .5)
    return img


def planet(rng, size):
    x, y = grid_xy(size)
    if rng.random() < .5:  # bands
        tex = 0.25 * np.sin(y / size[1] * rng.uniform(20, 60) + 2 * smooth_noise(rng, size, 4, 2))
    else:
        tex = 0.35 * smooth_noise(rng, size, 5, 3)
    c = [(205, 170, 130), (215, 105, 60), (90, 130, 200), (220, 200, 160), (150, 190, 210), (200, 80, 45)][int(rng.integers(6))]
    bg = np.zeros((size[1], size[0], 3), np.float32) + rng.uniform(0, 8)
    img, rr, (cx, cy, r) = _sphere(rng, size, c, tex.astype(np.float32), r=min(size) * rng.uniform(.22, .5), rim=.9, bg=bg)
    if rng.random() < .3:
        m = np.zeros(img.shape[:2], np.uint8)
        cv2.ellipse(m, (int(cx * 16), int(cy * 16)), (int(r * 26), int(r * 6)), rng.uniform(-30, 30), 0, 360, 255, max(2, int(r * .12)), cv2.LINE_AA, 4)
        paint(img, m, np.array(c) * .9, .7)
    return img


def sun(rng, size):
    if rng.random() < .5:  # disc through a filter, with spots: a hard look-alike
        tex = 0.1 * smooth_noise(rng, size, 50, 2)
        c = [(250, 150, 40), (240, 90, 40), (250, 190, 70)][int(rng.integers(3))]
        img, rr, (cx, cy, r) = _sphere(rng, size, c, tex, r=min(size) * rng.uniform(.35, .49), rim=.75,
                                       bg=np.zeros((size[1], size[0], 3), np.float32))
        m = np.zeros(img.shape[:2], np.uint8)
        for _ in range(int(rng.integers(0, 9))):
            blob(rng, m, cx + rng.normal(0, .35) * r, cy + rng.normal(0, .2) * r, r * rng.uniform(.01, .05))
        paint(img, m, (60, 25, 10), .8)
        return img
    w, h = size
    x, y = grid_xy(size)
    t = (y / h)[..., None]
    img = _colour(rng, 40, 150) * (1 - t) + np.array([250, 150, 80]) * t
    cx, cy = w * rng.uniform(.2, .8), h * rng.uniform(.2, .8)
    d = np.hypot(x - cx, y - cy)[..., None]
    r = min(w, h) * rng.uniform(.05, .2)
    return (img + np.array([255, 220, 150]) * (np.exp(-np.maximum(d - r, 0) / r / 1.2))).astype(np.float32)


def cup(rng, size):
    w, h = size
    img = background(rng, size)
    china = _colour(rng, 120, 255)
    s = min(w, h)
    if rng.random() < .6:  # from above or at a slant, with coffee or tea
        q = rng.uniform(.55, 1.0)
        cx, cy, r = w * rng.uniform(.4, .6), h * rng.uniform(.4, .6), s * rng.uniform(.22, .38)
        m = np.zeros((h, w), np.uint8)
        if rng.random() < .6:
            disc(m, cx, cy + r * .2, r * 1.45, r * 1.45 * q)
            paint(img, blur(m, 1), china * .92, 1)
            m[:] = 0
            disc(m, cx, cy + r * .2, r * .95, r * .95 * q); paint(img, blur(m, 2), china * .8, 1)
        hd = np.zeros((h, w), np.uint8)
        a = rng.uniform(0, 6.28)
        cv2.ellipse(hd, (int((cx + r * 1.15 * np.cos(a)) * 16), int((cy + r * 1.15 * q * np.sin(a)) * 16)), (int(r * 5), int(r * 4)), np.rad2deg(a), 0, 360, 255, max(2, int(r * .12)), cv2.LINE_AA, 4)
        paint(img, hd, china * .85, 1)
        for k, c in ((1.0, china), (.9, china * .75), (.84, [(60, 32, 18), (150, 95, 55), (170, 70, 20), (35, 20, 12)][int(rng.integers(4))])):
            m[:] = 0
            disc(m, cx, cy, r * k, r * k * q)
            paint(img, blur(m, .6), c, 1)
        if rng.random() < .5:
            f = np.zeros((h, w), np.uint8)
            blob(rng, f, cx, cy, r * rng.uniform(.2, .5), .4); paint(img, blur(f, 2), (225, 195, 150), .8)
        return img
    cx, cy, cw, ch = w / 2, h * .55, s * rng.uniform(.2, .3), s * rng.uniform(.25, .38)
    m = np.zeros((h, w), np.uint8)
    k = rng.uniform(.7, 1)
    cv2.ellipse(m, (int((cx + cw) * 16), int(cy * 16)), (int(cw * 9), int(ch * 9)), 0, 0, 360, 255, max(3, int(cw * .2)), cv2.LINE_AA, 4)
    cv2.fillPoly(m, [fixed([(cx - cw, cy - ch), (cx + cw, cy - ch), (cx + cw * k, cy + ch), (cx - cw * k, cy + ch)])], 255, cv2.LINE_AA, SHIFT)
    x, _ = grid_xy(size)
    f = (blur(m, .5) / 255.)[..., None]
    img = img * (1 - f) + china * (.65 + .5 * np.sin(np.clip((x - cx + cw) / (2 * cw), 0, 1) * 3.1))[..., None] * f
    m[:] = 0
    disc(m, cx, cy - ch, cw, cw * .3)
    return paint(img, m, china * .5, 1)


def marble(rng, size):
    t = smooth_noise(rng, size, 4, 2)
    x, y = grid_xy(size)
    tex = 0.5 * np.sin(3 * t + (x + y) / min(size) * rng.uniform(3, 20))
    img, rr, geo = _sphere(rng, size, _colour(rng, 40, 240), tex.astype(np.float32))
    swirl = paint(img.copy(), np.uint8(255 * np.clip(tex * 2 * (rr < 1), 0, 1)), _colour(rng), .8)
    return _gloss(rng, swirl, geo, .9)


def ball(rng, size):
    img, rr, (cx, cy, r) = _sphere(rng, size, _colour(rng, 60, 255), 0.03 * smooth_noise(rng, size, 40))
    m = np.zeros(img.shape[:2], np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        a, q = rng.uniform(0, 180), rng.uniform(.05, .9)
        cv2.ellipse(m, (int(cx * 16), int(cy * 16)), (int(r * 16), int(r * q * 16)), a, 0, int(rng.choice([180, 360])), 255, max(1, int(r * .05)), cv2.LINE_AA, 4)
    paint(img, np.uint8(m * (rr < 1)), _colour(rng, 0, 120), .9)
    return _gloss(rng, img, (cx, cy, r), .5)


def logo(rng, size):
    w, h = size
    img = np.ones((h, w, 3), np.float32) * (255 if rng.random() < .5 else _colour(rng))
    s = min(w, h)
    cx, cy, r = w / 2, h / 2, s * rng.uniform(.25, .48)
    if rng.random() < .7:
        for k in sorted(rng.uniform(.3, 1, int(rng.integers(1, 4))))[::-1]:
            m = np.zeros((h, w), np.uint8)
            disc(m, cx, cy, r * k)
            paint(img, m, _colour(rng), 1)
    for _ in range(int(rng.integers(1, 5))):
        m = np.zeros((h, w), np.uint8)
        n = int(rng.integers(3, 8))
        a = rng.uniform(0, 6.28) + np.arange(n) * 2 * np.pi / n
        q = r * rng.uniform(.2, .8) * (1 if rng.random() < .5 else np.where(np.arange(n) % 2, 1, .5))
        cv2.fillPoly(m, [fixed(np.stack([cx + q * np.cos(a), cy + q * np.sin(a)], 1) + rng.normal(0, r * .2, 2))], 255, cv2.LINE_AA, SHIFT)
        paint(img, m, _colour(rng), 1)
    if rng.random() < .5:
        img = _write(rng, img, [_word(rng).upper()], int(s * rng.uniform(.09, .16)), centre=True)
    return img


FONTS = ['DejaVuSans.ttf', 'DejaVuSerif.ttf', 'DejaVuSans-Bold.ttf', 'DejaVuSansMono.ttf', 'DejaVuSerif-Bold.ttf']


def _word(rng):
    letters = 'etaoinshrdlucmfwyp' if rng.random() < .6 else 'оеаинтсрвлкмдпуяы'
    return ''.join(rng.choice(list(letters), int(rng.integers(2, 10))))


def _write(rng, img, rows, px, centre=False):
    im = Image.fromarray(np.clip(img, 0, 255).astype(np.uint8))
    try:
        font = ImageFont.truetype(str(rng.choice(FONTS)), max(6, px))
    except OSError:
        font = ImageFont.load_default()
    d = ImageDraw.Draw(im)
    dark = np.asarray(im).mean() > 110
    fill = tuple(int(v) for v in (_colour(rng, 0, 80) if dark else _colour(rng, 170, 255)))
    y = im.height * (.45 if centre else rng.uniform(.0, .1))
    x0 = im.width * (.25 if centre else rng.uniform(.0, .1))
    for r in rows:
        d.text((x0, y), r, font=font, fill=fill)
        y += px * 1.3
    return np.asarray(im, np.float32)


def text_page(rng, size):
    w, h = size
    bg = rng.choice([255, 240, 225, 20, 200])
    img = np.ones((h, w, 3), np.float32) * bg * (1 + .05 * smooth_noise(rng, size, 2))[..., None]
    if rng.random() < .35:
        x, y = grid_xy(size)
        img *= (1 - rng.uniform(.2, .6) * x / w)[..., None]
    px = int(h * rng.uniform(.035, .12))
    rows = []
    for _ in range(int(h / px)):
        rows.append(' '.join(_word(rng) for _ in range(int(w / px * .45))) if rng.random() < .88 else '')
    img = _write(rng, img, rows, px)
    if rng.random() < .25:
        m = cv2.getRotationMatrix2D((w / 2, h / 2), rng.uniform(-25, 25), rng.uniform(1, 1.6))
        img = cv2.warpAffine(img, m, (w, h), borderMode=cv2.BORDER_REFLECT)
    return blur(img, rng.choice([0, 0, .8]))


def texture(rng, size):
    w, h = size
    x, y = grid_xy(size)
    k = rng.integers(6)
    if k == 0:  # stones, gravel, sand
        n = smooth_noise(rng, size, rng.uniform(20, 90), 3)
        g = 128 + 70 * n
    elif k == 1:  # bricks
        bh, bw = h / rng.integers(5, 14), w / rng.integers(3, 8)
        row = np.floor(y / bh)
        g = 150 + 25 * smooth_noise(rng, size, 40, 2) - 90 * (((y % bh) < bh * .1) | (((x + row % 2 * bw / 2) % bw) < bw * .06))
    elif k == 2:  # weave
        f = rng.uniform(20, 70)
        g = 128 + 60 * np.sin(x / w * f) * np.sin(y / h * f) + 15 * smooth_noise(rng, size, 60)
    elif k == 3:  # wood
        g = 140 + 50 * np.sin(x / w * rng.uniform(10, 40) + 3 * smooth_noise(rng, size, 3, 2)) + 10 * smooth_noise(rng, (w, h), 60)
    elif k == 4:  # grass: short streaks
        m = np.zeros((h, w), np.uint8)
        for _ in range(500):
            p = rng.uniform(0, 1, 2) * (w, h)
            line(m, [p, p + rng.normal(0, 1, 2) * (w * .02, h * .06)], 1, int(rng.integers(60, 255)))
        g = 60 + .6 * m
    else:  # checks and stripes
        f = rng.uniform(2, 20)
        g = 40 + 180 * ((np.floor(x / w * f) + (np.floor(y / h * f) if rng.random() < .6 else 0)) % 2)
    c = np.ones(3) if rng.random() < .45 else _colour(rng, 120, 255) / 200
    return (g[..., None] * c).astype(np.float32)


def noise(rng, size):
    w, h = size
    k = rng.integers(4)
    if k == 0:
        return rng.uniform(0, 255, (h, w, 3)).astype(np.float32)
    if k == 1:
        return np.repeat(rng.normal(128, rng.uniform(20, 60), (h, w, 1)), 3, 2).astype(np.float32)
    s = int(rng.integers(2, 8))
    small = rng.uniform(0, 255, (h // s + 1, w // s + 1, 3)).astype(np.float32)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_NEAREST if k == 2 else cv2.INTER_LINEAR)


def blank(rng, size):
    w, h = size
    c = np.zeros(3) + rng.choice([0, 255, 128, rng.uniform(0, 255)]) if rng.random() < .6 else _colour(rng)
    img = np.ones((h, w, 3), np.float32) * c
    if rng.random() < .3:
        x, y = grid_xy(size)
        img = img * (1 - .25 * x / w)[..., None]
    return img.astype(np.float32)


def stars(rng, size):
    """Deep sky: points and small smudges on black."""
    w, h = size
    img = np.zeros((h, w, 3), np.float32) + rng.uniform(0, 12)
    if rng.random() < .4:
        img += np.clip(smooth_noise(rng, size, 4, 3), 0, 2)[..., None] * _colour(rng, 0, 70)
    for _ in range(int(rng.integers(20, 110))):
        m = np.zeros((h, w), np.uint8)
        r = min(6, .4 + rng.exponential(.8))
        if rng.random() < .1:
            disc(m, rng.uniform(0, w), rng.uniform(0, h), r * 2.2, r * 1.2, rng.uniform(0, 180))
            m = blur(m, .8)
        else:
            disc(m, rng.uniform(0, w), rng.uniform(0, h), r)
        paint(img, m, 255 - _colour(rng, 0, 90) , rng.uniform(.4, 1))
    return img


def face(rng, size):
    """A drawn face."""
    w, h = size
    img = background(rng, size)
    s = min(w, h) * rng.uniform(.28, .42)
    cx, cy = w * rng.uniform(.4, .6), h * rng.uniform(.45, .58)
    skin = np.array([[235, 195, 170], [200, 150, 120], [120, 80, 60], [245, 210, 190]][int(rng.integers(4))], np.float32)
    hair = np.array([[50, 35, 25], [25, 20, 20], [200, 160, 90], [150, 80, 40], [180, 180, 180]][int(rng.integers(5))], np.float32)

    def el(dx, dy, rx, ry, c, a=1.0, ang=0):
        m = np.zeros((h, w), np.uint8)
        disc(m, cx + dx * s, cy + dy * s, rx * s, ry * s, ang)
        paint(img, blur(m, .6), c, a)
    el(0, 1.9, 1.3, .9, _colour(rng))
    el(0, -.15, .95, 1.15, hair)
    el(0, .9, .35, .6, skin * .9)
    el(0, 0, .78, 1.0, skin)
    el(0, -.85, .8, .4, hair)
    for d in (-1, 1):
        el(d * .3, -.12, .15, .08, (250, 250, 250))
        el(d * .3, -.12, .07, .07, (50, 40, 35))
        el(d * .3, -.28, .19, .03, hair)
        el(d * .42, .25, .2, .15, skin * np.array([1, .85, .85]), .6)
    el(0, .12, .08, .18, skin * .88)
    el(0, .5, rng.uniform(.15, .33), rng.uniform(.04, .1), (185, 75, 75))
    return img * (1 + .06 * smooth_noise(rng, size, 5, 2))[..., None]


def landscape(rng, size):
    w, h = size
    x, y = grid_xy(size)
    hor = h * rng.uniform(.35, .65)
    t = np.clip(y / hor, 0, 1)[..., None]
    img = np.array([rng.uniform(70, 150), rng.uniform(120, 180), 230]) * (1 - t) + _colour(rng, 190, 250) * t
    img += np.clip(smooth_noise(rng, size, 4, 3), 0, 1)[..., None] * 60
    for i in range(3):
        ridge = hor + h * (.08 * i - .1) + h * .1 * np.interp(x[0], np.linspace(0, w, 9), rng.normal(0, 1, 9))
        c = _colour(rng, 30, 140) * np.array([.8, 1.1, .7])
        m = (y > ridge)[..., None]
        img = np.where(m, c * (1 + .12 * smooth_noise(rng, size, 20, 2))[..., None], img)
    return img.astype(np.float32)


def sky(rng, size):
    x, y = grid_xy(size)
    t = (y / size[1])[..., None]
    img = np.array([60, 120, 215]) * (1 - t) + np.array([150, 195, 240]) * t
    return (img + np.clip(smooth_noise(rng, size, 4, 4) + rng.uniform(-.3, .3), 0, 1)[..., None] * 110).astype(np.float32)


def abstract(rng, size):
    img = background(rng, size)
    for _ in range(int(rng.integers(3, 14))):
        m = np.zeros((size[1], size[0]), np.uint8)
        blob(rng, m, rng.uniform(0, size[0]), rng.uniform(0, size[1]), min(size) * rng.uniform(.05, .4), rng.uniform(0, .5), points=int(rng.integers(3, 14)))
        paint(img, blur(m, rng.choice([0.3, 0.6, 5])), _colour(rng), rng.uniform(.4, 1))
    return img


def cells(rng, size):
    """Microscope view of separate cells: dark or bright field."""
    w, h = size
    img = np.ones((h, w, 3), np.float32) * rng.uniform(10, 200)
    for _ in range(int(rng.integers(1, 25))):
        m = np.zeros((h, w), np.uint8)
        blob(rng, m, rng.uniform(0, w), rng.uniform(0, h), min(w, h) * rng.uniform(.04, .2), .15, points=18)
        paint(img, blur(m, 1.5), np.zeros(3) + rng.uniform(40, 250), .8)
    return img * (1 + .1 * smooth_noise(rng, size, 50, 2))[..., None]


KINDS = {'orange': orange, 'moon': moon, 'planet': planet, 'sun': sun, 'cup': cup, 'marble': marble, 'ball': ball, 'logo': logo,
         'text': text_page, 'texture': texture, 'noise': noise, 'blank': blank, 'stars': stars, 'person': face,
         'landscape': landscape, 'sky': sky, 'abstract': abstract, 'cells': cells}


class RealImages:
    """Licensed real images: photographs to crop, and cut-outs (RGBA) to paste. `folder` holds <kind>/<class>/*.{jpg,png}."""

    def __init__(self, folder):
        self.photos, self.stamps = [], []
        for kind, out in (('photos', self.photos), ('stamps', self.stamps)):
            base = os.path.join(folder, kind)
            for label in sorted(os.listdir(base)) if os.path.isdir(base) else []:
                for f in sorted(os.listdir(os.path.join(base, label))):
                    im = cv2.imread(os.path.join(base, label, f), cv2.IMREAD_UNCHANGED if kind == 'stamps' else cv2.IMREAD_COLOR)
                    if im is not None and (kind == 'photos' or (im.ndim == 3 and im.shape[2] == 4)):
                        out.append((label, im))
        common = ['animal', 'animal', 'bird', 'food', 'vehicle', 'building', 'object', 'object', 'person']
        have = sorted({s[0] for s in self.stamps})
        self.labels = have + [c for c in common if c in have]

    def photo_crop(self, rng, size):
        """A crop [H, W, 3] of a photograph, mirrored and tinted at random; -> (label, image)."""
        label, im = self.photos[int(rng.integers(len(self.photos)))]
        ih, iw = im.shape[:2]
        w, h = size
        k = min(iw / w, ih / h) * rng.choice([1.0, rng.uniform(.45, 1)])
        cw, ch = int(w * k), int(h * k)
        x, y = int(rng.integers(0, iw - cw + 1)), int(rng.integers(0, ih - ch + 1))
        out = cv2.resize(im[y:y + ch, x:x + cw, ::-1], size, interpolation=cv2.INTER_AREA).astype(np.float32)
        if rng.random() < .5:
            out = out[:, ::-1]
        if rng.random() < .25:
            out = np.repeat(out.mean(2, keepdims=True), 3, 2)
        elif rng.random() < .25:  # the colours of a fundus camera: hard negatives
            g = out.mean(2, keepdims=True)
            out = .35 * out + .65 * g * np.array([1.5, .75, .45], np.float32)
        out = (out - 110) * rng.uniform(.7, 1.25) + 110 * rng.uniform(.75, 1.2)
        if rng.random() < .22:  # seen through a round mask
            x, y = grid_xy(size)
            r = min(size) * rng.uniform(.42, .56)
            d = np.hypot(x - size[0] / 2, y - size[1] / 2)
            out = np.clip(out, 0, 255) * np.clip(r - d, 0, 1)[..., None]
        return label, np.ascontiguousarray(out, dtype=np.float32)

    def stamp(self, rng, size):
        """A cut-out pasted on a ground; -> (label, image)."""
        label = self.labels[int(rng.integers(len(self.labels)))]
        of = [s for s in self.stamps if s[0] == label]
        label, im = of[int(rng.integers(len(of)))]
        bg = background(rng, size) if rng.random() < .6 or not self.photos else self.photo_crop(rng, size)[1] * .8
        ih, iw = im.shape[:2]
        k = rng.uniform(.5, 1.1) * min(size[0] / iw, size[1] / ih)
        m = cv2.getRotationMatrix2D((iw / 2, ih / 2), rng.normal(0, 15), k)
        m[:, 2] += np.array([size[0] / 2 - iw / 2 + rng.normal(0, .06) * size[0], size[1] / 2 - ih / 2 + rng.normal(0, .06) * size[1]])
        flags = cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR
        if k < .7:
            im = cv2.resize(im, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            m2 = m.copy(); m2[:, :2] /= k; m = m2
        w = cv2.warpAffine(im, m, size, flags=flags)
        a = (w[..., 3:] / 255.).astype(np.float32)
        out = np.clip(bg, 0, 255) * (1 - a) + w[..., 2::-1].astype(np.float32) * a
        if label not in ('orange', 'moon', 'planet') and rng.random() < .3:
            out = np.repeat(out.mean(2, keepdims=True), 3, 2)
        return label, out.astype(np.float32)
