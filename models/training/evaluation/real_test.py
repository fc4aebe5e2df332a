"""Collects the other real pictures that no training run has seen: python -m evaluation.real_test FUNDUS SKIMAGE GCOMPRIS OPENCV WHEELS REAL OUT

Held-back pictures of FUNDUS, scikit-image's (Debian python3-skimage), the half of GCompris's photographs that training does not use (Debian
gcompris-qt-data; training uses every other one), OpenCV's sample data (Debian opencv-doc), pictures in the wheels of mahotas, imgaug, gradio and stardist.
Near duplicates of one another or of REAL (what training sees) are left out. Writes OUT/NNN.png and OUT/list.json; nothing of it is redistributed.
"""
from __future__ import annotations

import glob
import json
import os
import sys

import cv2
import numpy as np

from pictures import real

SKIP = ('retina', 'microaneurysms', 'block', 'bw_text', 'checker', 'chessboard', 'palette', 'phantom', 'logo', 'horse', 'color.png', 'truncated', 'mask', 'depth',
        'gradient', 'imageTextR', 'notes', 'pic', 'opencv-logo', 'detect_blob', 'blox', 'LinuxLogo', 'WindowsLogo', 'fish.', 'ml.png', 'Blender', 'templ', 'shape', 'rubberwhale2',
        'aloeL', 'aloeGT', 'basketball2', 'box_in', 'cards', 'tmpl', 'H1to', 'graf3', 'leuvenB', 'cheetah1-copy', 'stuff', 'hand_sample')


def thumbnail(im):
    g = cv2.resize(cv2.cvtColor(im, cv2.COLOR_BGR2GRAY), (16, 16), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    g = g - g.mean()
    return g / (np.linalg.norm(g) + 1e-6)


def candidates(fundus, skimage, gcompris, opencv, wheels):
    back = real.held_back()
    for r in real.read_rows(fundus):
        if r['kind'] != 'fundus' and r['file'] in back:
            yield r['source'], os.path.join(fundus, 'images', r['file'])
    for f in sorted(glob.glob(os.path.join(skimage, '*.png')) + glob.glob(os.path.join(skimage, '*.jpg'))):
        yield 'scikit-image', f
    for pattern in ('categorization*images_*', 'explore_monuments*'):
        for i, f in enumerate(sorted(glob.glob(os.path.join(gcompris, '*' + pattern)))):
            if i % 2:
                yield 'GCompris', f
    for pattern in ('*details_resource*', '*explore_world*', '*explore_farm*', '*solar_system*', '*louis-braille*'):
        for f in sorted(glob.glob(os.path.join(gcompris, pattern))):
            yield 'GCompris', f
    number = 0
    for f in sorted(glob.glob(os.path.join(opencv, '*.jpg')) + glob.glob(os.path.join(opencv, '*.png'))):
        number += os.path.basename(f)[:4] in ('left', 'righ')
        if os.path.basename(f)[:4] not in ('left', 'righ') or number % 10 == 1:
            yield 'OpenCV', f
    for f in sorted(glob.glob(os.path.join(wheels, '**', '*.jpg'), recursive=True) + glob.glob(os.path.join(wheels, '**', '*.png'), recursive=True)):
        yield 'wheels', f


def main(fundus, skimage, gcompris, opencv, wheels, seen, out):
    os.makedirs(out, exist_ok=True)
    known = [thumbnail(cv2.imread(f)) for f in glob.glob(os.path.join(seen, '*', '*')) if cv2.imread(f) is not None]
    rows, left_out = [], 0
    for source, f in candidates(fundus, skimage, gcompris, opencv, wheels):
        im = cv2.imread(f)
        if im is None or any(s in os.path.basename(f) for s in SKIP) or min(im.shape[:2]) < 100:
            continue
        t = thumbnail(im)
        if max((float(t @ k) for k in known), default=0) > 0.97:
            left_out += 1
            continue
        known.append(t)
        s = 640 / max(im.shape[:2])
        im = cv2.resize(im, None, fx=s, fy=s, interpolation=cv2.INTER_AREA) if s < 1 else im
        name = f'{len(rows):03d}.png'
        cv2.imwrite(os.path.join(out, name), im)
        rows.append({'file': name, 'source': source, 'name': os.path.basename(f).replace('gcompris_src_activities_', '')})
    with open(os.path.join(out, 'list.json'), 'w', encoding='utf-8') as fh:
        json.dump(rows, fh, indent=1)
    print(len(rows), 'pictures,', left_out, 'near duplicates left out')


if __name__ == '__main__':
    main(*sys.argv[1:8])
