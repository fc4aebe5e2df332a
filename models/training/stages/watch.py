"""How a run of the third stage gets on, on photographs that it does not train on and that are not the held-back ones (real.watched; the second stage has
trained on them): python -m stages.watch --model work/third-out --fundus FUNDUS"""
from __future__ import annotations

import argparse
import json
import os

import torch

from pictures import real
from language import yesno
from evaluation.evaluate_real import LANGS, Asker, auroc

KEYS = ('referable', 'oedema', 'exudates', 'diabetic')


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--model', required=True)
    p.add_argument('--fundus', required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    asker = Asker(a.model, quick=True)
    for lang in LANGS:
        for key in KEYS:
            for negated in (False, True):
                asker.questions.append((f"{key}/{lang}/{'negative' if negated else 'positive'}", yesno.question(key, lang, negated), ''))
    rows = [r for r in real.read_rows(a.fundus) if r['kind'] == 'fundus' and real.watched(r['file']) and r['file'] not in real.held_back()]
    read = [(r, asker.ask(os.path.join(a.fundus, 'images', r['file']))) for r in rows]
    out = {'n': len(rows)}
    for lang in LANGS:
        seen = [(r, asker.summary(lp)) for r, lp in read]
        out[f'fundus/{lang}'] = sum(s['called'][f'describe/{lang}'] for _, s in seen)
        eye = [s['called'][f'described-eye/{lang}'] == {'right': 'OD', 'left': 'OS'}[r['eye']] for r, s in seen if r['eye']]
        out[f'eye/{lang}'] = f'{sum(eye)} of {len(eye)}'
        yes, no = asker.yes[lang]
        for key in KEYS:
            truth = [{**real.facts_of(r), **real.known_findings(r)}.get(key) for r, _ in read]
            on = [i for i, t in enumerate(truth) if t is not None]
            for sign in ('positive', 'negative'):
                margin = [float(lp[f'{key}/{lang}/{sign}'][yes] - lp[f'{key}/{lang}/{sign}'][no]) * (1 if sign == 'positive' else -1) for _, lp in read]
                out[f'{key}/{lang}/{sign}'] = [round(auroc([margin[i] for i in on], [truth[i] for i in on]), 3),
                                               round(sum((margin[i] > 0) == truth[i] for i in on) / len(on), 2)]
    print(json.dumps(out, indent=0))


if __name__ == '__main__':
    main()
