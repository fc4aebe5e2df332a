"""Draws the small test images. Everything is computed here; no third-party picture is involved."""

from pathlib import Path

import numpy as np
from PIL import Image

# name -> (width, height). Sides that are multiples of 28 need no resizing.
SIZES = {
    "square-112x112.png": (112, 112),  # 4×4 merged cells: exactly one window
    "landscape-224x112.png": (224, 112),  # 8×4: two whole windows
    "portrait-140x196.png": (140, 196),  # 5×7: four windows, three of them partial
    "nearly-square-168x140.jpg": (168, 140),  # 6×5: partial windows on both sides
    "photo-301x257.png": (301, 257),  # both sides are rounded
    "narrow-97x203.jpg": (97, 203),
    "tiny-45x38.png": (45, 38),  # below min_pixels: enlarged
    "halves-70x126.png": (70, 126),  # 2.5 and 4.5 cells: Python rounds halves to the even side, 56×112
}


def draw_eye_like(width: int, height: int, seed: int) -> np.ndarray:
    """A reddish disc with a bright spot, dark curved lines and a little texture; uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = (x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1
    radius = np.hypot(u, v)
    red = 0.80 - 0.35 * radius + 0.05 * u
    green = 0.38 - 0.20 * radius + 0.06 * v
    blue = 0.16 + 0.10 * u - 0.04 * v
    image = np.stack([red, green, blue], axis=-1)
    spot_u, spot_v = rng.uniform(-0.5, 0.5, size=2)
    spot = np.exp(-((u - spot_u) ** 2 + (v - spot_v) ** 2) / 0.03)
    image += spot[..., None] * np.array([0.25, 0.45, 0.30])
    for _ in range(5):
        bend, tilt, shift = rng.uniform(-1.2, 1.2, size=3)
        distance = (v - spot_v) - tilt * (u - spot_u) - bend * (u - spot_u) ** 2 + 0.15 * shift
        image -= (0.18 * np.exp(-(distance**2) / 0.002))[..., None] * np.array([0.7, 1.0, 0.6])
    coarse = rng.normal(size=(6, 6, 3))
    for channel in range(3):
        plane = Image.fromarray(coarse[..., channel].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        image[..., channel] += 0.06 * np.asarray(plane)
    image[radius > 1.15] *= 0.1
    return np.clip(image * 255, 0, 255).round().astype(np.uint8)


def draw_test_images(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, (width, height)) in enumerate(SIZES.items()):
        picture = Image.fromarray(draw_eye_like(width, height, seed=100 + seed))
        if name.endswith(".jpg"):
            picture.save(folder / name, quality=95, subsampling=0)  # 4:4:4, so that decoders agree
        else:
            picture.save(folder / name, optimize=True)
