"""Collects the real images that training may use, from Debian packages, into one folder.

    apt-get download tuxpaint-stamps-default lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 mate-backgrounds \
        plasma-workspace-wallpapers ukui-wallpapers gnome-backgrounds
    for d in *.deb; do dpkg -x "$d" "unpacked/${d%%_*}"; done
    python -m pictures.real_images unpacked real

Licences are those of each package's /usr/share/doc/<package>/copyright (GPL-2, GPL-2+, LGPL-3, CC-BY-4.0, CC-BY-SA-3.0/4.0,
CC0-1.0): see README.md. The images are only looked at in training; none is redistributed here. Nothing from scikit-image is used:
those images are the test set. scikit-learn's two sample photographs (china, flower; CC-BY 2.0) are added when it is installed.
"""
from __future__ import annotations

import glob
import os
import sys

import cv2

PHOTOS = {  # file name fragment -> class
    'landscape': 'aitzgorri life_by picosdeeuropa sunset_by Storm.jpg Altai/ Autumn/ BytheWater/ ColdRipple/ DarkestHour/ EveningGlow/ '
                 'PastelHills/ Path/ Volna/ summer_1am/ Dune.jpg SafeLanding/',
    'flower': 'seeding_by FreshFlower Garden.jpg TwoWings YellowFlower',
    'plant': 'Dragonfly_by Blinds.jpg GreenMeadow LadyBird RainDrops FallenLeaf/ OneStandsOut/',
    'sky': 'Infinite-Sea Kite/', 'stars': 'MilkyWay/', 'food': 'Picture_0B', 'cup': 'ColorfulCups/', 'object': 'greentock Wine_by Picture_1A Aqua.jpg',
    'texture': 'wood-d wood-l mate/nature/Wood.jpg analogpattern', 'logo': 'GreenTraditional',
    'abstract': 'adwaita- grid-d grid-l licorice- truchet- umang Fossa Painting-Colors Elephants.jpg Ubuntu-Mate- Canopee/ Cascade/ Cluster/ '
                'Elarun/ Flow/ Grey/ Honeywave/ IceCold/ Kay/ Kokkini/ Opal/ Patak/ Shell/ 2004default fluent-color rhythm rollpaper string.jpg',
}
STAMPS = {  # folder of the stamps package -> class
    'animals/birds': 'bird', 'animals/insects': 'insect', 'animals/': 'animal', 'food/': 'food', 'plants/flowers': 'flower',
    'plants/': 'plant', 'town/houses': 'building', 'town/monuments': 'building', 'town/flags': 'logo', 'town/roadsigns': 'logo',
    'vehicles/': 'vehicle', 'military/vehicles': 'vehicle', 'people/': 'person', 'space/moon': 'moon', 'space/planets': 'planet',
    'sports/': 'ball', 'symbols/alphabets': 'text', 'symbols/math': 'text', 'symbols/money': 'coin', 'symbols/': 'logo', '': 'object',
}


def stamp_class(path: str) -> str | None:
    name = os.path.basename(path).lower()
    rel = path.split('/stamps/')[-1]
    if rel.startswith('food/fruit') and ('orange' in name or 'tangerine' in name or 'clementine' in name):
        return 'orange'
    if rel.startswith('animals/mammals') and ('cat' in name.split('.')[0].split('_') or name.startswith('cat') or 'kitten' in name):
        return 'cat'
    if rel.startswith('household/dishes') and any(k in name for k in ('cup', 'mug')):
        return 'cup'
    if 'clock' in name or 'watch' in name:
        return 'clock'
    return next(c for prefix, c in STAMPS.items() if rel.startswith(prefix))


def save(out, kind, label, i, im, side):
    folder = os.path.join(out, kind, label)
    os.makedirs(folder, exist_ok=True)
    s = side / max(im.shape[:2])
    if s < 1:
        im = cv2.resize(im, None, fx=s, fy=s, interpolation=cv2.INTER_AREA)
    cv2.imwrite(os.path.join(folder, f'{i:04d}.' + ('png' if kind == 'stamps' else 'jpg')), im)


def main(unpacked: str, out: str) -> None:
    files = sorted(f for f in glob.glob(unpacked + '/**/*', recursive=True)
                   if f.lower().endswith(('.png', '.jpg', '.webp')) and os.path.isfile(f) and not os.path.islink(f) and 'skimage' not in f)
    count = 0
    for label, names in PHOTOS.items():
        for n in names.split():
            hits = [f for f in files if n in f and 'images_dark' not in f and '/wallpapers' in f.replace('/backgrounds/', '/wallpapers/')]
            if hits:
                im = cv2.imread(max(hits, key=os.path.getsize))
                if im is not None:
                    save(out, 'photos', label, count, im, 640)
                    count += 1
    try:
        from sklearn.datasets import load_sample_images
        for label, im in zip(('building', 'flower'), load_sample_images().images):
            save(out, 'photos', label, count, im[..., ::-1], 640)
            count += 1
    except ImportError:
        pass
    for f in files:
        if 'tuxpaint' in f and '/stamps/' in f:
            im = cv2.imread(f, cv2.IMREAD_UNCHANGED)
            if im is not None and im.ndim == 3 and im.shape[2] == 4 and min(im.shape[:2]) >= 48:
                save(out, 'stamps', stamp_class(f), count, im, 320)
                count += 1
    print(count, 'images in', out)


if __name__ == '__main__':
    main(*sys.argv[1:3])
