"""Colours, sensors and frames: what makes a picture look as if it came from some camera, whatever it shows.

All real pictures of the first recipe were negatives, so "looks real" could come to mean "is no fundus". Here drawn and real pictures,
fundus or not, go through the same changes: the colours and the low spatial frequencies of a real picture of any kind, borders, light,
blur, noise, compression. All functions take and return float32 [H, W, 3], 0…255.
"""
from __future__ import annotations

import cv2
import numpy as np


def border_of(image, level=18):
    """Bounding box (x0, y0, x1, y1) of what is brighter than the black frame."""
    bright = image.max(2) > level
    ys, xs = np.where(bright.mean(1) > .08)[0], np.where(bright.mean(0) > .08)[0]
    h, w = image.shape[:2]
    if len(ys) < h * .3 or len(xs) < w * .3:
        return 0, 0, w, h
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1


def lit(x):
    """Mask [H, W] of the pixels that are no black frame."""
    return x.max(2) > 14


def take_colours(x, other, strength=1.0):
    """Mean and covariance of the lit pixels of `other`, in a logarithmic opponent space, frames left black."""
    a, b = lit(x), lit(other)
    if a.sum() < 200 or b.sum() < 200:
        return x
    f = lambda v: np.log(np.clip(v, 2, 255) / 255)
    p, q = f(x[a]), f(other[b])
    mp, mq = p.mean(0), q.mean(0)
    vp, ep = np.linalg.eigh(np.cov(p.T) + np.eye(3) * 1e-3)
    vq, eq = np.linalg.eigh(np.cov(q.T) + np.eye(3) * 1e-3)
    sp = ep @ np.diag(vp ** -.5) @ ep.T
    sq = eq @ np.diag(vq ** .5) @ eq.T
    m = sp @ sq
    m *= min(1.0, 2.2 / np.linalg.norm(m, 2))
    y = (p - mp) @ m + mq
    out = x.copy()
    out[a] = (1 - strength) * x[a] + strength * np.clip(np.exp(y), 0, 1) * 255
    return out


def take_amplitude(x, other, share):
    """Fourier domain adaptation: the amplitude of the lowest frequencies (a square of `share` of the spectrum) of another picture."""
    h, w = x.shape[:2]
    other = cv2.resize(other, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    fx, fo = np.fft.fft2(x, axes=(0, 1)), np.fft.fft2(other, axes=(0, 1))
    n = max(1, int(min(h, w) * share / 2))
    amplitude = np.fft.fftshift(np.abs(fx), (0, 1))
    theirs = np.fft.fftshift(np.abs(fo), (0, 1))
    cy, cx = h // 2, w // 2
    amplitude[cy - n:cy + n + 1, cx - n:cx + n + 1] = theirs[cy - n:cy + n + 1, cx - n:cx + n + 1]
    y = np.fft.ifft2(np.fft.ifftshift(amplitude, (0, 1)) * np.exp(1j * np.angle(fx)), axes=(0, 1)).real
    return np.clip(y * lit(x)[..., None], 0, 255).astype(np.float32)


def frame(rng, x):
    """A camera's field on the picture: circle, flattened circle, rounded rectangle, with or without notch, on a dark (seldom light) ground."""
    h, w = x.shape[:2]
    y, z = np.mgrid[-1:1:h * 1j, -1:1:w * 1j]
    y, z = y * h / max(h, w) - rng.normal(0, .03), z * w / max(h, w) - rng.normal(0, .03)
    r = rng.uniform(.7, 1.0) * (min(h, w) / max(h, w) if rng.random() < .6 else 1)
    inside = y * y + z * z < r * r
    kind = rng.random()
    if kind < .35:
        inside &= np.abs(y) < r * rng.uniform(.7, .95)
    elif kind < .5:
        inside = (np.abs(y) / r) ** 6 + (np.abs(z) / r) ** 6 < 1
    if rng.random() < .25:
        angle = rng.choice([0.6, -0.6, 2.5, -2.5])
        ny, nz = r * np.sin(angle), r * np.cos(angle)
        inside |= (np.abs(y - ny) < .06) & (np.abs(z - nz) < .06)
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), rng.uniform(.5, 1.5))[..., None]
    ground = rng.uniform(0, 12, 3) if rng.random() < .9 else rng.uniform(150, 255, 3)
    return x * soft + ground * (1 - soft)


def light(rng, x):
    """Exposure, contrast, colour casts, uneven light, haze; seldom very dark, overexposed or red-free."""
    x = x / 255
    u = rng.random()
    gamma = np.exp(rng.normal(0, .22))
    x = np.clip(x, 0, 1) ** gamma
    gain = np.exp(rng.normal(0, .15)) * (rng.uniform(.18, .5) if u < .06 else rng.uniform(1.4, 2.3) if u < .11 else 1)
    x = x * gain * np.exp(rng.normal(0, .09, 3))
    if rng.random() < .5:
        gray = x.mean(2, keepdims=True)
        x = gray + (x - gray) * rng.uniform(.4, 1.4)
    h, w = x.shape[:2]
    if rng.random() < .35:
        y, z = np.mgrid[-1:1:h * 1j, -1:1:w * 1j]
        cy, cz = rng.normal(0, .4, 2)
        fall = 1 - rng.uniform(.1, .6) * np.clip((y - cy) ** 2 + (z - cz) ** 2, 0, 1.5) / 1.5
        x = x * fall[..., None]
    if rng.random() < .1:  # a reflection or a hazy crescent
        y, z = np.mgrid[-1:1:h * 1j, -1:1:w * 1j]
        cy, cz = rng.uniform(-1, 1, 2)
        glow = np.exp(-((y - cy) ** 2 + (z - cz) ** 2) / rng.uniform(.01, .3))
        x = x + glow[..., None] * rng.uniform(.1, .6) * rng.uniform(.5, 1, 3) * (x.max(2, keepdims=True) > .06)
    if rng.random() < .1:
        x = x * .75 + rng.uniform(.05, .2) * (x.max(2, keepdims=True) > .06)
    if rng.random() < .035:
        x = np.repeat(x[..., 1:2], 3, 2) * rng.uniform(1, 1.8)
    return np.clip(x * 255, 0, 255).astype(np.float32)


def sensor(rng, x):
    """Blur or sharpening, noise, JPEG, a text mark."""
    if rng.random() < .3:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(.3, 1.3))
    elif rng.random() < .25:
        x = np.clip(x + rng.uniform(.3, 1.2) * (x - cv2.GaussianBlur(x, (0, 0), 1.2)), 0, 255)
    if rng.random() < .35:
        x = x + rng.normal(0, rng.uniform(1, 7), x.shape)
    if rng.random() < .08:
        text = ''.join(rng.choice(list('0123456789:/RLODS '), int(rng.integers(3, 12))))
        h, w = x.shape[:2]
        spot = (int(rng.integers(0, max(1, w - 60))), int(rng.choice([10, h - 5])))
        x = cv2.putText(np.ascontiguousarray(np.clip(x, 0, 255).astype(np.uint8)), text, spot, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(.25, .45)),
                        tuple(float(v) for v in rng.uniform(120, 255, 3)), 1, cv2.LINE_AA).astype(np.float32)
    x = np.clip(x, 0, 255)
    if rng.random() < .5:
        ok, coded = cv2.imencode('.jpg', x.astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))])
        x = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32)
    return x.astype(np.float32)


def vary(rng, x, fundus, real, photographs):
    """One picture through a camera of its own. photographs: RealPhotographs, where colours and spectra come from; fundus, real: what x is."""
    u = rng.random()
    if u < (.45 if fundus and not real else .2 if fundus else .3):
        other = photographs.any_image(rng) if fundus else (photographs.fundus_row(rng)[0] if rng.random() < .75 else photographs.any_image(rng))
        other = cv2.resize(other, (128, 128), interpolation=cv2.INTER_AREA).astype(np.float32)
        x = take_colours(x, other, rng.uniform(.5, 1))
    elif u < (.62 if fundus and not real else .3 if fundus else .4):
        x = take_amplitude(x, photographs.any_image(rng), rng.uniform(.01, .035))
    if rng.random() < (.12 if fundus else .3):
        x = frame(rng, x)
    if rng.random() < .85:
        x = light(rng, x)
    return sensor(rng, x)
