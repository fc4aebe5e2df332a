"""Collects the control pictures, none of which is used in training: python -m samples.make_controls FUNDUS SKIMAGE GCOMPRIS COPYRIGHT ../../data/controls

FUNDUS: the folder with labels.csv (its held-back other pictures); SKIMAGE: skimage/data of Debian's python3-skimage; GCOMPRIS: pictures
of Debian's gcompris-qt-data, unpacked from its .rcc files as ACTIVITY_resource_PATH; COPYRIGHT: that package's copyright file. blank.png, noise.png, coffee.jpg, chest-xray.jpg
and oct.jpg come from make_samples.py and stay. Writes controls.json and SOURCES.md.
"""
from __future__ import annotations

import glob
import json
import os
import re
import sys

import cv2
import numpy as np
from PIL import Image

from pictures import real
from generator import other_medical
from generator.canvas import finish

LONGEST, QUALITY = 320, 82
OWN = ('Apache-2.0', 'this project')
PD = 'public domain'
SKIMAGE = {  # name -> (kind, licence, attribution), as in scikit-image's documentation of its data
    'coins.png': ('coins', 'CC0 1.0', 'scikit-image; Brooklyn Museum collection'), 'grass.png': ('texture', 'CC0 1.0', 'linolafett, 3dtextures via scikit-image'),
    'moon.png': ('moon', PD, 'NASA'), 'rocket.jpg': ('vehicle', 'CC0 1.0', 'SpaceX, 2015'), 'hubble_deep_field.jpg': ('stars', PD, 'NASA, Hubble'),
}
GCOMPRIS = {'fishes_fish1': 'fish', 'fishes_fish4': 'fish', 'fishes_fish8': 'fish', 'fishes_fish15': 'fish', 'monuments_eiffelTower': 'building', 'monuments_IndiaGate': 'building',
            'monuments_operaHouse': 'building', 'others_bulb': 'object', 'others_cup': 'cup', 'others_spoons': 'object', 'tools_scissors1': 'tool', 'tools_hammer4': 'tool',
            'renewable_dam2': 'landscape', 'renewable_solar4': 'object', 'renewable_windmill2': 'building', 'tools_plier3': 'tool', 'tools_sickle': 'tool'}


def shrink(im):
    s = LONGEST / max(im.shape[:2])
    return cv2.resize(im, None, fx=s, fy=s, interpolation=cv2.INTER_AREA) if s < 1 else im


def licences(path):
    """File pattern -> (copyright, licence, address) of a Debian copyright file."""
    out = {}
    with open(path, encoding='utf-8') as f:
        for block in f.read().split('\n\n'):
            field = {m.group(1): re.sub(r'\s+', ' ', m.group(2)).strip() for m in re.finditer(r'^(\w+):(.*(?:\n[ \t].*)*)', block, re.M)}
            if 'Files' in field and 'License' in field:
                for name in field['Files'].split():
                    out[os.path.splitext(name)[0]] = (field.get('Copyright', ''), field['License'].split(' ')[0], field.get('Comment', ''))
    return out


def scope(rng, im):
    """A picture in a dark round frame under a warm light, as through an endoscope."""
    side = min(im.shape[:2])
    y0, x0 = (im.shape[0] - side) // 2, (im.shape[1] - side) // 2
    im = cv2.resize(im[y0:y0 + side, x0:x0 + side], (288, 288), interpolation=cv2.INTER_AREA).astype(np.float32)
    y, x = np.mgrid[-1:1:288j, -1:1:288j]
    r = np.hypot(x, y)
    warm = (0.35 * im + 0.65 * im.mean(2, keepdims=True)) * np.array([.45, .55, 1.15])
    lit = np.clip(warm * (1.15 - .7 * r[..., None] ** 2), 0, 255)
    lit += 60 * np.exp(-((x - rng.uniform(-.3, .3)) ** 2 + (y - rng.uniform(-.3, .3)) ** 2) / .01)[..., None]
    corners = np.clip((1.05 - np.maximum(r, np.abs(x + y) * .72)) * 40, 0, 1)
    return np.clip(lit * corners[..., None], 0, 255).astype(np.uint8)


def main(fundus, skimage, gcompris, copyright_file, out):
    rng = np.random.default_rng(20)
    rows = []

    def add(name, image, kind, licence, attribution, shows=(), change='scaled, JPEG'):
        path = os.path.join(out, name)
        if image is not None:
            image = shrink(image)
            cv2.imwrite(path, image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY] if name.endswith('.jpg') else [])
            if name.endswith('.jpg') and os.path.getsize(path) > 40000:
                cv2.imwrite(path, image, [cv2.IMWRITE_JPEG_QUALITY, 60])
        rows.append({'file': name, 'kind': kind, 'licence': licence, 'attribution': attribution, 'changes': change if image is not None else 'none', 'shows': list(shows)})

    add('blank.png', None, 'blank', *OWN)
    add('noise.png', None, 'noise', *OWN)
    add('coffee.jpg', None, 'everyday', 'CC0 1.0', 'Rachel Michetti, courtesy of Pikolo Espresso Bar; scikit-image', ('cup',))
    add('chest-xray.jpg', None, 'x-ray, drawn', *OWN, ('x-ray',))
    add('oct.jpg', None, 'OCT, drawn', *OWN, ('oct', 'retina', 'macula', 'fovea', 'layers'))
    back = real.held_back()
    n = {}
    for r in real.read_rows(fundus):
        if r['kind'] == 'fundus' or r['file'] not in back or 'coffee' in r['file']:
            continue
        kind = {'H&E histology': 'histology', 'OCT B-scan': 'OCT', 'clinical skin photograph': 'skin', 'electron microscopy (diatoms)': 'microscopy',
                'phase-contrast microscopy': 'microscopy'}.get(r['modality'], r['modality'].replace(' photograph', ''))
        n[kind] = n.get(kind, 0) + 1
        if kind == 'histology' and n[kind] > 5:
            continue
        shows = {'OCT': ('oct', 'retina', 'macula', 'fovea', 'layers'), 'portrait': ('person', 'face', 'eye'), 'cat': ('cat', 'animal', 'eye'), 'skin': ('skin',),
                 'photographed handwriting': ('text',), 'histology': ('histology', 'cells'), 'microscopy': ('cells',), 'photograph': ('photograph',)}.get(kind, ())
        name = re.sub(r'[^a-z0-9]+', '-', r['file'][4:-4].lower()) + '.jpg'
        add(name, cv2.imread(os.path.join(fundus, 'images', r['file'])), kind, r['licence'], r['attribution'], shows)
    for name, (kind, licence, by) in SKIMAGE.items():
        add('skimage-' + name.split('.')[0].replace('_', '-') + '.jpg', cv2.imread(os.path.join(skimage, name)), kind, licence, by)
    table = licences(copyright_file)
    for key, kind in GCOMPRIS.items():
        path = glob.glob(os.path.join(gcompris, f'*categorization_resource_images_{key}.*'))[0]
        who = table.get('src/activities/categorization/resource/images/' + key.replace('_', '/', 1))
        if who is None:
            print('no licence found for', key)
            continue
        shows = {'fish': ('animal',), 'cup': ('cup',)}.get(kind, ())
        add('gcompris-' + key.split('_')[1].lower() + '.jpg', cv2.imread(path), kind, who[1], f'{who[0]}; {who[2]} (by way of GCompris)', shows)
    for kind, shows in (('angiogram', ('retina', 'vessels', 'macula', 'optic disc')), ('eye', ('eye',)), ('ultrasound', ()), ('ct', ()), ('xray', ('x-ray',))):
        drawn = finish(rng, other_medical.KINDS[kind](rng, (320, 320)), noise=1, jpeg=100)
        add(f'drawn-{kind}.jpg', drawn[..., ::-1], {'eye': 'external eye, drawn', 'xray': 'x-ray, drawn'}.get(kind, kind + ', drawn'), *OWN, shows)
    skin = next(r for r in real.read_rows(fundus) if r['file'] in back and 'skin' in r['modality'])
    for name, path, licence, by in (('scope-skin', os.path.join(fundus, 'images', skin['file']), skin['licence'], skin['attribution']),
                                    ('scope-moon', os.path.join(skimage, 'moon.png'), PD, 'NASA'),
                                    ('scope-gravel', os.path.join(skimage, 'gravel.png'), 'CC0 1.0', 'ambientCG via scikit-image'),
                                    ('scope-grass', os.path.join(skimage, 'grass.png'), 'CC0 1.0', 'linolafett, 3dtextures via scikit-image')):
        add(name + '.jpg', scope(rng, cv2.imread(path)), 'endoscopy-like frame', licence, by, (), 'cropped, tinted, put in a dark round frame')
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    disc = (np.hypot(x, y) < .92)[..., None] * np.array([38, 84, 196], np.float32) * (1 - .35 * (x * x + y * y))[..., None]
    add('blank-orange-disc.png', disc.astype(np.uint8), 'blank disc in the colour of a fundus', *OWN, (), 'drawn')
    f = np.fft.fft2(rng.normal(size=(256, 256, 3)), axes=(0, 1))
    d = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None]) + 1 / 256
    pink = np.fft.ifft2(f / d[..., None], axes=(0, 1)).real
    pink = (pink - pink.min()) / (pink.max() - pink.min()) * 255
    add('noise-pink.jpg', pink.astype(np.uint8), 'noise, 1/f', *OWN, (), 'drawn')
    add('blank-black.png', np.zeros((224, 224, 3), np.uint8), 'blank', *OWN, (), 'drawn')
    with open(os.path.join(out, 'controls.json'), 'w', encoding='utf-8') as fh:
        json.dump({'schema': 'fundus-lens.controls/1', 'controls': rows}, fh, ensure_ascii=False, indent=1)
        fh.write('\n')
    with open(os.path.join(out, 'SOURCES.md'), 'w', encoding='utf-8') as fh:
        fh.write('# Sources of the control images\n\n'
                 'None is a fundus photograph, and none of these files was used in training. `controls.json` says the same for programs; `shows` lists concepts that a picture legitimately\n'
                 'shows, so that it is no control for them. Pictures marked drawn are synthetic (`models/training/generator`). Patch-shuffled versions of the traced photograph are made by the\n'
                 'application. BreCaHAD: Aksac, Demetrick, Özyer, Alhajj 2019, doi:10.6084/m9.figshare.7379186; PAD-UFES-20: Pacheco et al. 2020,\n'
                 'doi:10.17632/zr7vgbcyr2; OCT: Kermany, Zhang, Goldbaum 2018, doi:10.17632/rscbjbr9sj.\n\n'
                 '| file | kind | licence | author, source | changes |\n| --- | --- | --- | --- | --- |\n')
        for r in rows:
            fh.write(f"| {r['file']} | {r['kind']} | {r['licence']} | {r['attribution']} | {r['changes']} |\n")
    print(len(rows), 'controls,', sum(os.path.getsize(os.path.join(out, r['file'])) for r in rows), 'bytes, largest',
          max((os.path.getsize(os.path.join(out, r['file'])), r['file']) for r in rows))
    for r in rows:
        Image.open(os.path.join(out, r['file'])).load()


if __name__ == '__main__':
    main(*sys.argv[1:6])
