"""Pictures of GCompris for training and test: python -m pictures.gcompris RCC_FOLDER OUT REAL/photos

RCC_FOLDER holds the .rcc files of Debian's gcompris-qt-data (its copyright file names author and licence of each picture). OUT gets every photograph of the
activities named below, under its path with underscores; of `categorization` and `explore_monuments` every other one goes to REAL/photos/KIND, what
remains is for real_test.py.
"""
from __future__ import annotations

import glob
import os
import struct
import sys
import zlib

import cv2
import numpy as np

WANTED = ('categorization', 'explore_monuments', 'details', 'explore_world', 'explore_farm', 'solar_system', 'louis-braille')
KIND_OF = (('fishes', 'animal'), ('birds', 'bird'), ('animal', 'animal'), ('insect', 'insect'), ('flower', 'flower'), ('tree', 'plant'), ('plant', 'plant'),
           ('vegetable', 'food'), ('fruit', 'food'), ('food', 'food'), ('cake', 'food'), ('transport', 'vehicle'), ('monument', 'building'), ('house', 'building'),
           ('nature', 'landscape'), ('planets', 'planet'), ('people', 'person'), ('alphabet', 'text'))


def entries(path):
    """(name, bytes) of every file in a Qt resource file."""
    with open(path, 'rb') as f:
        raw = f.read()
    magic, version, tree, data, names = struct.unpack('>4s4I', raw[:20])
    if magic != b'qres':
        raise ValueError(f'{path} is no Qt resource file: it starts with {magic!r}')
    width = 22 if version >= 2 else 14

    def name(at):
        n, = struct.unpack_from('>H', raw, names + at)
        return raw[names + at + 6:names + at + 6 + 2 * n].decode('utf-16-be')

    def walk(node, prefix):
        at = tree + node * width
        title, flags = struct.unpack_from('>IH', raw, at)
        here = prefix + [name(title)] if node else prefix
        if flags & 2:
            count, first = struct.unpack_from('>II', raw, at + 6)
            for i in range(first, first + count):
                yield from walk(i, here)
            return
        start, = struct.unpack_from('>I', raw, at + 10)
        size, = struct.unpack_from('>I', raw, data + start)
        body = raw[data + start + 4:data + start + 4 + size]
        yield '/'.join(here), zlib.decompress(body[4:]) if flags & 1 else body
    yield from walk(0, [])


def main(folder, out, photos):
    os.makedirs(out, exist_ok=True)
    for path in sorted(glob.glob(os.path.join(folder, '**', '*.rcc'), recursive=True)):
        if not any(w in path for w in WANTED):
            continue
        for name, body in entries(path):
            if name.lower().endswith(('.jpg', '.webp', '.png')):
                with open(os.path.join(out, name.replace('/', '_')), 'wb') as f:
                    f.write(body)
    count = 0
    for pattern in ('categorization*images_*', 'explore_monuments*'):
        for f in sorted(glob.glob(os.path.join(out, '*' + pattern)))[::2]:
            im = cv2.imread(f, cv2.IMREAD_COLOR)
            if im is None or min(im.shape[:2]) < 100 or float(np.std(im)) < 5:
                continue
            kind = next((k for part, k in KIND_OF if part in f.lower()), 'object')
            os.makedirs(os.path.join(photos, kind), exist_ok=True)
            cv2.imwrite(os.path.join(photos, kind, os.path.splitext(os.path.basename(f))[0] + '.jpg'), im)
            count += 1
    print(count, 'pictures for training in', photos)


if __name__ == '__main__':
    main(*sys.argv[1:4])
