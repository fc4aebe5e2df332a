"""Small drawing helpers shared by all generators.

Images are float32 arrays [H, W, 3], RGB, 0..255, until `finish` turns them into uint8.
Sizes are (width, height) in pixels. Every function takes a numpy Generator `rng`: the same seed, the same image.
"""
from __future__ import annotations

import cv2
import numpy as np

SHIFT = 4  # fractional bits of cv2 coordinates
cv2.setNumThreads(1)


def smooth_noise(rng, size, cells: float, octaves: int = 1) -> np.ndarray:
    """Smooth noise [H, W], about -1..1; `cells` = bumps across the longer side."""
    w, h = size
    total = np.zeros((h, w), np.float32)
    amp = 1.0
    for _ in range(octaves):
        k = cells / max(w, h)
        gw, gh = max(2, int(w * k) + 2), max(2, int(h * k) + 2)
        grid = rng.standard_normal((gh, gw)).astype(np.float32)
        total += amp * cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC)
        amp *= 0.5
        cells *= 2
    return total * 0.7


def fixed(points) -> np.ndarray:
    """Points [N, 2] in pixels -> fixed-point int32 for cv2 with SHIFT."""
    return np.round(np.asarray(points, np.float32) * (1 << SHIFT)).astype(np.int32)


def disc(mask, x, y, rx, ry=None, angle=0.0, value=255):
    """Filled antialiased ellipse on mask; radii in pixels, angle in degrees."""
    ry = rx if ry is None else ry
    s = 1 << SHIFT
    cv2.ellipse(mask, (int(x * s), int(y * s)), (max(1, int(rx * s)), max(1, int(ry * s))), angle, 0, 360, value, -1,
                cv2.LINE_AA, SHIFT)


def blob(rng, mask, x, y, r, irregular=0.3, value=255, points=10):
    """Filled irregular blob of mean radius r pixels."""
    a = np.linspace(0, 2 * np.pi, points, endpoint=False) + rng.uniform(0, 6.28)
    rr = r * (1 + irregular * rng.uniform(-1, 1, points))
    pts = np.stack([x + rr * np.cos(a), y + rr * np.sin(a)], 1)
    cv2.fillPoly(mask, [fixed(pts)], value, cv2.LINE_AA, SHIFT)


def line(mask, points, width, value=255):
    """Antialiased polyline; widths below 1 px are drawn fainter."""
    t = max(1, int(round(width)))
    v = value if width >= 1 else value * max(0.35, width)
    cv2.polylines(mask, [fixed(points)], False, v, t, cv2.LINE_AA, SHIFT)


def blur(img, sigma):
    """Gaussian blur, sigma in pixels."""
    return img if sigma < 0.25 else cv2.GaussianBlur(img, (0, 0), float(sigma))


def paint(img, mask, colour, alpha=1.0):
    """Blends colour (RGB) into img where mask (0..255) says so, in place."""
    m = (mask.astype(np.float32) * (alpha / 255.0))[..., None]
    img += m * (np.asarray(colour, np.float32) - img)
    return img


def grid_xy(size):
    """Pixel coordinate grids x, y, each [H, W] float32."""
    w, h = size
    return np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))


def finish(rng, img, noise=None, jpeg=None) -> np.ndarray:
    """Adds sensor noise and a JPEG round trip; returns uint8 [H, W, 3] RGB."""
    noise = rng.choice([0, 1, 2, 4]) if noise is None else noise
    if noise:
        img = img + rng.standard_normal(img.shape, np.float32) * noise
    out = np.clip(img, 0, 255).astype(np.uint8)
    jpeg = int(rng.integers(45, 98)) if jpeg is None else jpeg
    if jpeg and jpeg < 100:
        ok, buf = cv2.imencode('.jpg', out[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, jpeg])
        out = cv2.imdecode(buf, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(out)
