"""At which layer concepts become readable on held-back real photographs: python -m evaluation.emergence_real --model ../demo --fundus FUNDUS --controls ../../data/controls --json OUT

Logit lens at the answer position, first tokens. A concept is readable at layer l when at l and at every later layer its log-odds are above those of all controls
by at least 1 nat (p by rank = 1 / (controls + 1), at least 39 controls). "Right answer" rows have no controls: the layer from which on the right one of two answers leads.
"""
from __future__ import annotations

import argparse
import json
import os

import numpy as np
import torch

from pictures import real
from language import yesno
from evaluation.evaluate_real import EYES, Asker


def emergence(good):
    """First layer (1 … L) from which on all later ones are good; None: never."""
    good = np.asarray(good)
    if not good[-1]:
        return None
    bad = np.where(~good)[0]
    return int(bad[-1]) + 1 if len(bad) else 0


def log_odds(lp, ids):
    a = np.logaddexp.reduce(lp[:, ids], 1)
    rest = np.delete(lp, ids, 1)
    return a - np.logaddexp.reduce(rest, 1)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--model', default='../demo')
    p.add_argument('--fundus', required=True)
    p.add_argument('--controls', required=True)
    p.add_argument('--json', required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    asker, back = Asker(a.model), real.held_back()
    with open(os.path.join(a.controls, 'controls.json'), encoding='utf-8') as f:
        controls = [c for c in json.load(f)['controls'] if 'retina' not in c['shows']]
    keep = [q for q in asker.questions if q[0].split('/')[0] in ('describe', 'one-word', 'described-eye', 'fundus', 'referable', 'exudates', 'right-eye')]
    asker.questions = keep
    fundus = sorted(asker.fundus)
    rows = [r for r in real.read_rows(a.fundus) if r['kind'] == 'fundus' and r['file'] in back]
    seen = [asker.ask(os.path.join(a.fundus, 'images', r['file']), states=True) for r in rows]
    null = [asker.ask(os.path.join(a.controls, c['file']), states=True) for c in controls]
    concepts = {}

    def add(name, layers):
        found = [v for v in layers if v is not None]
        concepts[name] = {'n': len(layers), 'layers': {str(k): found.count(k) for k in sorted(set(found))}, 'never': len(layers) - len(found)}
    for lang in ('en', 'ru'):
        for preset in ('describe', 'one-word'):
            key = f'{preset}/{lang}'
            bar = np.max([log_odds(lp[key], fundus) for lp in null], 0) + 1.0
            add(f'fundus or retina, {preset}, {lang}', [emergence(log_odds(lp[key], fundus) > bar) for lp in seen])
        yes, no = asker.yes[lang]
        for sign in ('positive', 'negative'):
            for question in ('fundus', 'right-eye', 'referable', 'exudates'):
                layers = []
                for r, lp in zip(rows, seen):
                    known = {'fundus': True, **({'right-eye': r['eye'] == 'right'} if r['eye'] else {}), **real.known_findings(r), **real.facts_of(r)}
                    if question in known:
                        m = lp[f'{question}/{lang}/{sign}']
                        layers.append(emergence((m[:, yes] > m[:, no]) == (known[question] == (sign == 'positive'))))
                add(f'right answer to "{yesno.question(question, lang, sign == "negative")}"', layers)
        eye = [asker.first(EYES[lang][k]) for k in ('OD', 'OS')]
        layers = []
        for r, lp in zip(rows, seen):
            if r['eye']:
                m = lp[f'described-eye/{lang}']
                layers.append(emergence((m[:, eye[0]] > m[:, eye[1]]) == (r['eye'] == 'right')))
        add(f'right eye or left, in the description, {lang}', layers)
    with open(a.json, 'w', encoding='utf-8') as f:
        json.dump({'controls': len(null), 'photographs': len(rows), 'concepts': concepts}, f, ensure_ascii=False, indent=1)
    print(json.dumps(concepts, ensure_ascii=False, indent=0))


if __name__ == '__main__':
    main()
