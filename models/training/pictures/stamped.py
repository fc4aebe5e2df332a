"""Cut-outs on grounds of one colour, black ones often, as further other pictures: python -m pictures.stamped REAL

Reads REAL/stamps (made by real_images.py) and writes REAL/stamped/KIND. Seeded.
"""
from __future__ import annotations

import glob
import os
import sys

import cv2
import numpy as np


def main(folder):
    rng, count = np.random.default_rng(5), 0
    for path in sorted(glob.glob(os.path.join(folder, 'stamps', '*', '*.png'))):
        kind = os.path.basename(os.path.dirname(path))
        im = cv2.imread(path, cv2.IMREAD_UNCHANGED).astype(np.float32)
        h, w = im.shape[:2]
        side, u = int(max(h, w) * rng.uniform(1.05, 1.5)), rng.random()
        ground = np.zeros(3) if u < .4 else np.full(3, 255.0) if u < .55 else rng.uniform(0, 255, 3)
        out = np.tile(ground, (side, side, 1)).astype(np.float32)
        y, x = (side - h) // 2, (side - w) // 2
        cover = im[..., 3:] / 255
        out[y:y + h, x:x + w] = im[..., :3] * cover + out[y:y + h, x:x + w] * (1 - cover)
        target = os.path.join(folder, 'stamped', 'animal' if kind == 'cat' else kind)
        os.makedirs(target, exist_ok=True)
        cv2.imwrite(os.path.join(target, os.path.basename(path)[:-4] + '.jpg'), out.astype(np.uint8))
        count += 1
    print(count, 'pictures in', os.path.join(folder, 'stamped'))


if __name__ == '__main__':
    main(sys.argv[1])
