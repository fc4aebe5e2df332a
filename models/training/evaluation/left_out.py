"""Leave-one-source-out runs side by side: python -m evaluation.left_out OUT REAL_JSON ...

REAL_JSON are written by evaluate_real.py --quick --all-of SOURCE, one per run. A source's photographs are all that there are of it: its run saw none
of them, nor any picture with their colours. Intervals are Wilson's, 95 %; they take photographs for independent, though the two eyes of a person are not.
"""
from __future__ import annotations

import json
import sys

QUESTIONS = ('describe', 'one-word')
LANGUAGES = ('en', 'ru')


def wilson(k: int, n: int, z: float = 1.96) -> list[float]:
    middle, spread = (k + z * z / 2) / (n + z * z), z / (n + z * z) * (k * (n - k) / n + z * z / 4) ** 0.5
    return [round(max(0.0, middle - spread), 4), round(min(1.0, middle + spread), 4)]


def of_run(real) -> dict:
    """Per source that the run left out: photographs called a fundus by question and language, and what the run calls so of the other pictures."""
    others = {k: real['others'][k] for k in ('n', 'describe/en', 'describe/ru', 'calledFundusInAnyOfFour')}
    out = {}
    for source, v in real['fundus'].items():
        keys = [f'{q}/{lang}' for q in QUESTIONS for lang in LANGUAGES] + ['describedInBothLanguages', 'oneWordInBothLanguages']
        out[source] = {'n': v['n'], **{k: v[k] for k in keys}, 'interval': {k: wilson(v[k], v['n']) for k in keys}, 'kinds': v['kinds'],
                       'leftOutWith': sorted(set(real['fundus']) - {source}), 'others': others, 'eye': real['eye'] if len(real['fundus']) == 1 else None}
    return out


def main(target, *files):
    out = {}
    for name in files:
        with open(name, encoding='utf-8') as f:
            out.update(of_run(json.load(f)))
    with open(target, 'w', encoding='utf-8') as f:
        json.dump(dict(sorted(out.items())), f, indent=1)
    print(json.dumps(out, indent=1))


if __name__ == '__main__':
    main(*sys.argv[1:])
