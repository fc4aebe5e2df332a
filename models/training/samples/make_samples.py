"""Draws the sample library and the control images: python -m samples.make_samples ../../data --retina retina.jpg --photo coffee.png

Samples are synthetic patients: both eyes, some with a second visit a year later in which the same eye has changed. Each JPEG says so
in EXIF (ImageDescription, Software, DateTimeOriginal) and in XMP.
"""
from __future__ import annotations

import argparse
import csv
import os
import shutil

import numpy as np
from PIL import Image

from generator import findings as F
from generator import fundus, other_medical
from generator.canvas import finish

# code, seed, size, base visit findings per eye, later visit findings added per eye (or None)
PATIENTS = [
    ('SYN-001', (1024, 1024), {'OD': [], 'OS': []}, None, '2025-03-14', None),
    ('SYN-002', (960, 960), {'OD': ['microaneurysms'], 'OS': ['microaneurysms']},
     {'OD': ['haemorrhages', 'exudates'], 'OS': ['haemorrhages']}, '2024-02-06', '2025-02-18'),
    ('SYN-003', (1024, 768), {'OD': ['microaneurysms', 'haemorrhages', 'exudates'], 'OS': ['microaneurysms', 'haemorrhages', 'cotton-wool']},
     {'OD': ['neovascular'], 'OS': ['neovascular', 'laser']}, '2024-05-21', '2025-06-03'),
    ('SYN-004', (960, 960), {'OD': ['drusen'], 'OS': ['drusen']}, None, '2025-01-30', None),
    ('SYN-005', (900, 900), {'OD': [], 'OS': []}, None, '2024-11-12', None),  # large cups
    ('SYN-006', (1024, 1024), {'OD': ['crescent'], 'OS': ['crescent']}, None, '2025-04-08', None),
    ('SYN-007', (1024, 768), {'OD': ['flame', 'cotton-wool'], 'OS': ['flame', 'cotton-wool']}, {'OD': [], 'OS': []}, '2024-09-17', '2025-01-22'),
    ('SYN-008', (800, 800), {'OD': ['laser'], 'OS': ['laser', 'exudates']}, None, '2025-02-25', None),
    ('SYN-009', (960, 960), {'OD': [], 'OS': ['exudates']}, {'OD': ['microaneurysms'], 'OS': ['haemorrhages']}, '2024-03-28', '2025-04-15'),
]
XMP = ('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
       '"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
       'xmlns:xmp="http://ns.adobe.com/xap/1.0/" dc:source="synthetic, Fundus Lens generator" xmp:CreatorTool="Fundus Lens generator">'
       '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
       '<?xpacket end="w"?>')


def render(scene, size, seed, quality='good'):
    rng = np.random.default_rng(seed)
    cam = fundus.sample_camera(rng, scene)
    cam.update(kind='macula', centre=[float(scene['disc'][0] * 0.25), float(rng.normal(0, 0.15))], fov=7.4, mask='circle', stretch=1.0, blur=0.15,
               haze=0.0, quality=quality, rotation=float(rng.normal(0, 2)), falloff=0.3, haloArc=False, black=0, gain=1.0, contrast=1.05, sharpen=0.3)
    img, seen = fundus.draw(scene, cam, size, grid=(8, 8))
    return finish(rng, img, noise=1, jpeg=100), seen


def save(img, path, code, eye, day, findings):
    text = f'SYNTHETIC image, not a patient. {code} {eye} {day}. Fundus Lens generator. Findings: {", ".join(findings) or "none"}'
    exif = Image.Exif()
    exif[0x010E] = text
    exif[0x0131] = 'Fundus Lens generator (synthetic)'
    exif[0x0132] = day.replace('-', ':') + ' 10:00:00'
    exif.get_ifd(0x8769)[0x9003] = day.replace('-', ':') + ' 10:00:00'
    Image.fromarray(img).save(path, quality=85, exif=exif, xmp=XMP.format(text=text).encode('utf-8'))


def samples(out, retina):
    rows = []
    for number, (code, size, first, second, day1, day2) in enumerate(PATIENTS, 1):
        for e, eye in enumerate(('OD', 'OS')):
            seed = 7000 + number * 10 + e
            rng = np.random.default_rng(seed)
            scene = fundus.sample_eye(rng, eye=eye, wanted=first[eye])
            shared = np.random.default_rng(7000 + number)  # both eyes of a patient share pigmentation
            base = [(205, 95, 60), (222, 96, 74), (190, 100, 52), (168, 84, 46)][number % 4]
            scene.update(base=[float(v + shared.normal(0, 5)) for v in base], tessellation=0.3 if 'crescent' in first[eye] else 0.0, pallor=False, vesselContrast=1.0)
            cdr = 0.78 if code == 'SYN-005' else 0.28
            scene.update(cdr=cdr, cdrClass='large' if cdr > 0.6 else 'small')
            for visit, day in enumerate((day1, day2)):
                if day is None:
                    continue
                if visit == 1:
                    if code == 'SYN-007':  # resolved after treatment of the blood pressure
                        scene['findings'] = []
                    for f in scene['findings']:
                        f['amount'] = min(1.0, f['amount'] + 0.35)
                    scene['findings'] += [F.make(rng, n) for n in second[eye]]
                img, seen = render(scene, size, seed * 10 + visit)
                folder = os.path.join(out, code, day)
                os.makedirs(folder, exist_ok=True)
                rel = f'{code}/{day}/{code}_{eye}_{day}.jpg'
                save(img, os.path.join(out, rel), code, eye, day, seen['visible'])
                rows.append([rel, code, day, eye, '|'.join(seen['visible']), 'yes'])
    os.makedirs(os.path.join(out, 'real'), exist_ok=True)
    shutil.copy(retina, os.path.join(out, 'real', 'retina.jpg'))
    rows.append(['real/retina.jpg', '', '', 'OS', '', 'no'])
    with open(os.path.join(out, 'manifest.csv'), 'w', newline='', encoding='utf-8') as f:
        csv.writer(f, lineterminator='\n').writerows([['file', 'patient', 'visit_date', 'eye', 'findings', 'synthetic'], *rows])


def controls(out, photo):
    os.makedirs(out, exist_ok=True)
    rng = np.random.default_rng(77)
    Image.fromarray(np.full((512, 512, 3), 128, np.uint8)).save(os.path.join(out, 'blank.png'))
    Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(os.path.join(out, 'noise.png'))
    Image.open(photo).convert('RGB').save(os.path.join(out, 'coffee.jpg'), quality=88)
    for name in ('chest-xray', 'oct'):
        f = other_medical.KINDS['xray' if name == 'chest-xray' else 'oct']
        img = finish(rng, f(rng, (640, 640)), noise=1, jpeg=100)
        Image.fromarray(img).save(os.path.join(out, name + '.jpg'), quality=88)


if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('data')
    p.add_argument('--retina', required=True)
    p.add_argument('--photo', required=True)
    a = p.parse_args()
    samples(os.path.join(a.data, 'samples'), a.retina)
    controls(os.path.join(a.data, 'controls'), a.photo)
