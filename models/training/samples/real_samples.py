"""Adds real photographs to the sample library: python -m samples.real_samples FUNDUS ../../data

FUNDUS is the folder with labels.csv, images and masks. Most of what is chosen is held back from training (tag `held-out`), so that what
the model says about them is not what it was taught; the rest has the tag `in-training`. Files are those of FUNDUS unchanged, but for an
EXIF block with author, licence and source. Masks lie beside the library in data/masks, which is not imported. Drawn patients stay.
"""
from __future__ import annotations

import collections
import csv
import os
import shutil
import sys

from PIL import Image

from pictures import real

COLUMNS = ['file', 'patient', 'visit', 'visit_date', 'eye', 'modality', 'tags', 'findings', 'note', 'synthetic', 'source', 'licence', 'attribution', 'camera',
           'dr_grade', 'macular_oedema_risk', 'masks']
WANTED = {'0': 6, '1': 3, '2': 6, '3': 5, '4': 5}  # IDRiD, by grade
SHORT = {'IDRiD': ('IDRID', 'IDRiD, Porwal et al. 2018'), 'HRF': ('HRF', 'HRF, Budai et al. 2013'), 'CHASE_DB1': ('CHASE', 'CHASE_DB1, Fraz et al. 2012'),
         'FIVES': ('FIVES', 'FIVES, Jin et al. 2022'), 'Commons': ('WIKI', 'Häggström 2012/2014')}
CHANGED = 'scaled to at most 768 px, JPEG encoded again, metadata replaced'


def choose(rows, back):
    """Held-back photographs first, of each group as many as wanted; eyes and masks in turn."""
    by = collections.defaultdict(list)
    for r in rows:
        if r['kind'] == 'fundus':
            by[real.source_of(r)].append(r)
    out = []
    first = lambda rs: sorted(rs, key=lambda r: (r['file'] not in back, not r['masks'], r['file']))
    for grade, n in WANTED.items():
        rs = first([r for r in by['IDRiD'] if r['dr_grade'] == grade and r['eye']])
        left, right = [r for r in rs if r['eye'] == 'left'], [r for r in rs if r['eye'] == 'right']
        pairs = [r for two in zip(left, right) for r in two]
        out += sorted(pairs, key=lambda r: r['file'] not in back)[:n]
    for text, n in (('healthy', 4), ('diabetic retinopathy', 3), ('glaucoma', 3)):
        out += first([r for r in by['HRF'] if r['findings'] == text])[:n]
    children = sorted({r['file'][9:11] for r in by['CHASE_DB1']})
    out += [r for r in by['CHASE_DB1'] if r['file'][9:11] in children[:2] + children[-2:]]
    out += first(by['FIVES'])[:5]
    out += [r for r in by['Commons'] if r['eye'] == 'right']
    return out


def patient_of(row):
    source = real.source_of(row)
    name = row['file'].split('.')[0]
    number = {'IDRiD': name.split('_')[-1], 'HRF': name[4:].replace('_', '').upper(), 'CHASE_DB1': name[9:11], 'FIVES': name.split('_')[1], 'Commons': '1'}[source]
    return f'{SHORT[source][0]}-{number}'


def findings_of(row):
    t = real.truth_of(row)
    out = [n for n, v in t['known'].items() if v]
    if row['dr_grade']:
        out.append(f"dr-grade-{row['dr_grade']}")
        if row['dr_grade'] in '234':
            out.append('referable-dr')
    elif t['facts'].get('diabetic'):
        out.append('diabetic-retinopathy')
    if row['dme_risk'] in ('1', '2'):
        out.append(f"macular-oedema-risk-{row['dme_risk']}")
    out += [name for name in ('glaucoma', 'amd') if t['facts'].get(name)]
    if row['findings'] in ('healthy', 'normal'):
        out.append('healthy')
    return out


def with_exif(data: bytes, row) -> bytes:
    """The same JPEG with an EXIF block: description, artist, copyright."""
    exif = Image.Exif()
    ascii_only = lambda s: s.encode('ascii', 'ignore').decode()
    exif[0x010E] = ascii_only(f"{row['source']}: {row['original_name']}; {CHANGED}")
    exif[0x013B] = ascii_only(row['attribution'])
    exif[0x8298] = ascii_only(row['licence'])
    block = exif.tobytes()
    block = block if block.startswith(b'Exif') else b'Exif\0\0' + block
    assert data[:2] == b'\xff\xd8'
    rest = data[2:]
    if rest[:2] == b'\xff\xe0':  # JFIF stays first
        n = 2 + int.from_bytes(rest[2:4], 'big')
        return data[:2] + rest[:n] + b'\xff\xe1' + (len(block) + 2).to_bytes(2, 'big') + block + rest[n:]
    return data[:2] + b'\xff\xe1' + (len(block) + 2).to_bytes(2, 'big') + block + rest


def main(fundus, data):
    samples, masks = os.path.join(data, 'samples'), os.path.join(data, 'masks')
    rows, back = real.read_rows(fundus), real.held_back()
    os.makedirs(masks, exist_ok=True)
    table, listed = [], []
    for r in choose(rows, back):
        code, eye = patient_of(r), {'right': 'OD', 'left': 'OS'}[r['eye']]
        rel = f'{code}/{code}_{eye}.jpg'
        os.makedirs(os.path.join(samples, code), exist_ok=True)
        with open(os.path.join(fundus, 'images', r['file']), 'rb') as f:
            image = with_exif(f.read(), r)
        with open(os.path.join(samples, rel), 'wb') as f:
            f.write(image)
        Image.open(os.path.join(samples, rel)).load()
        tags = []
        for tag in r['masks'].split():
            shutil.copy(os.path.join(fundus, 'masks', f"{r['file'][:-4]}__{tag}.png"), os.path.join(masks, f'{code}_{eye}__{tag}.png'))
            tags.append(tag)
        source = real.source_of(r)
        held = 'held-out' if r['file'] in back else 'in-training'
        child = ['child'] if source == 'CHASE_DB1' else []
        note = f"{r['attribution']}. {r['licence']}; {CHANGED}."
        table.append([rel, code, SHORT[source][1], '', eye, 'OP', '|'.join(['real', held, *child]), '|'.join(findings_of(r)), note, 'no', source, r['licence'],
                      r['attribution'], r['camera'], r['dr_grade'], r['dme_risk'], '|'.join(tags)])
        listed.append((rel, r, held))
    table.append(['real/retina.jpg', '', '', '', 'OS', 'OP', 'real|held-out', 'healthy',
                  'Mikael Häggström, Medical gallery of Mikael Häggström 2014, WikiJournal of Medicine 1(2), doi:10.15347/wjm/2014.008. CC0 1.0.', 'no',
                  'Wikimedia Commons', 'CC0 1.0', 'Mikael Häggström', '', '', '', ''])
    path = os.path.join(samples, 'manifest.csv')
    with open(path, encoding='utf-8') as f:
        drawn = [d for d in csv.DictReader(f) if d['file'].startswith('SYN-')]
    for d in drawn:
        table.append([d['file'], d['patient'], '', d['visit_date'], d['eye'], 'OP', 'drawn', d['findings'], 'Drawn by this project, not a patient. Apache-2.0.',
                      'yes', 'this project', 'Apache-2.0', 'Fundus Lens', '', '', '', ''])
    with open(path, 'w', newline='', encoding='utf-8') as f:
        csv.writer(f, lineterminator='\n').writerows([COLUMNS, *table])
    with open(os.path.join(samples, 'SOURCES.md'), 'w', encoding='utf-8') as f:
        f.write(sources(listed))
    size = sum(os.path.getsize(os.path.join(d, n)) for folder in (samples, masks) for d, _, names in os.walk(folder) for n in names)
    print(len(listed) + 1, 'real,', len(drawn), 'drawn,', size, 'bytes')


def sources(listed):
    head = """# Sources of the sample library

**Real photographs**, each with author, source and licence below, in `manifest.csv` (columns note, source, licence, attribution) and in the EXIF
block of the file. All were {changed}; nothing else was changed. Labels are the sources' own (grade 0–4 of diabetic retinopathy, risk of macular oedema
0–2, lesions); nothing was read by this project, and a label that is missing says nothing. IDRiD does not number patients: each of its photographs stands
as a patient of its own. Photographs have no dates. `held-out`: never used to train the bundled model; `in-training`: used.

`../masks/PATIENT_EYE__TAG.png`: what the sources marked (disc, vessels, microaneurysms, haemorrhages, hard and soft exudates), 1-bit, the size of the
photograph, same source and licence.

**Drawn patients** SYN-001 … SYN-009: nine invented patients, both eyes, five with a second visit, drawn by `models/training/samples/make_samples.py` (Apache-2.0). Every
file says so in EXIF and XMP, and has the tag `drawn`. Their findings are the generator's truth; lesions are drawn about twice as large as in life.

| source | authors | licence | DOI |
| --- | --- | --- | --- |
| IDRiD | Porwal P, Pachade S, Kokare M et al. 2018 | CC BY 4.0 | 10.21227/H25W98; 10.3390/data3030025 |
| HRF | Budai A, Bock R, Maier A, Hornegger J, Michelson G 2013 | CC BY 4.0 | 10.1155/2013/154860 |
| CHASE_DB1 | Fraz MM et al. 2012, Kingston University London and St George's, University of London | CC BY 4.0 | 10.1109/TBME.2012.2205687 |
| FIVES | Jin K, Huang X, Zhou J et al. 2022 | CC BY 4.0 | 10.6084/m9.figshare.19688169 |
| Wikimedia Commons | Häggström M 2012, 2014 | CC0 1.0 | 10.15347/wjm/2014.008 |

CC BY 4.0: https://creativecommons.org/licenses/by/4.0/ · CC0 1.0: https://creativecommons.org/publicdomain/zero/1.0/

| file | original | source | licence | labels of the source | training |
| --- | --- | --- | --- | --- | --- |
""".format(changed=CHANGED)
    lines = [f"| {rel} | {r['original_name']} | {real.source_of(r)} | {r['licence']} | {r['findings'] or '–'} | {held} |" for rel, r, held in listed]
    lines.append('| real/retina.jpg | Fundus_photograph_of_normal_left_eye.jpg, 1411×1411, by way of scikit-image\'s test images | Wikimedia Commons | CC0 1.0 | normal | held-out |')
    return head + '\n'.join(lines) + '\n'


if __name__ == '__main__':
    main(*sys.argv[1:3])
