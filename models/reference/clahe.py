"""Writes data/fixtures/clahe: what OpenCV's CLAHE makes of the luma of two test images.

Needs opencv-python-headless and Pillow: python models/reference/clahe.py
"""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

FIXTURES = Path(__file__).resolve().parents[2] / "data" / "fixtures"
# name, tiles on each side, clip limit; 8 divides neither side of the first
CASES = [("photo-301x257", 8, 2), ("landscape-224x112", 8, 2), ("landscape-224x112", 4, 4)]


def main() -> None:
    out = FIXTURES / "clahe"
    out.mkdir(exist_ok=True)
    for name, grid, clip in CASES:
        rgb = np.asarray(Image.open(FIXTURES / "images" / f"{name}.png").convert("RGB"), dtype=np.int32)
        luma = ((rgb @ [299, 587, 114] + 500) // 1000).astype(np.uint8)
        result = cv2.createCLAHE(clipLimit=clip, tileGridSize=(grid, grid)).apply(luma)
        Image.fromarray(result).save(out / f"{name}-{grid}-{clip}.png", optimize=True)


if __name__ == "__main__":
    main()
