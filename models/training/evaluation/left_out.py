"""Leave-one-source-out runs side by side: python -m evaluation.left_out OUT STEPS=REAL_JSON ...

STEPS: how many the run had. REAL_JSON are written by evaluate_real.py --quick --all-of SOURCE, one per run. A source's photographs are all that there are of it: its run saw none
of them, nor any picture with their colours. Short runs call too much a fundus, so a second number asks what the ranking is worth: the share of a source's
photographs whose probability of "fundus" in the description is above that of all but 2 % of the other pictures. Intervals are Wilson's, 95 %; they take photographs for independent, though the two eyes of a person are not.
"""
from __future__ import annotations

import json
import sys

QUESTIONS = ('describe', 'one-word')
LANGUAGES = ('en', 'ru')


def wilson(k: int, n: int, z: float = 1.96) -> list[float]:
    middle, spread = (k + z * z / 2) / (n + z * z), z / (n + z * z) * (k * (n - k) / n + z * z / 4) ** 0.5
    return [round(max(0.0, middle - spread), 4), round(min(1.0, middle + spread), 4)]


def beyond_others(photographs, others) -> int:
    """How many probabilities lie above those of all but 2 % of the other pictures."""
    allowed = int(0.02 * len(others))
    limit = sorted(others, reverse=True)[allowed]
    return sum(p > limit for p in photographs)


def of_run(real, steps: int) -> dict:
    """Per source that the run left out: photographs called a fundus by question and language, and what the run calls so of the other pictures."""
    others = {k: real['others'][k] for k in ('n', 'describe/en', 'describe/ru', 'calledFundusInAnyOfFour')}
    out = {}
    for source, v in real['fundus'].items():
        keys = [f'{q}/{lang}' for q in QUESTIONS for lang in LANGUAGES] + ['describedInBothLanguages', 'oneWordInBothLanguages']
        mine = [p['p'] for p in real['photographs'] if p['source'] == source]
        beyond = {lang: beyond_others([p[lang] for p in mine], real['others']['p'][lang]) for lang in LANGUAGES}
        out[source] = {'n': v['n'], 'steps': steps, **{k: v[k] for k in keys}, 'interval': {k: wilson(v[k], v['n']) for k in keys}, 'kinds': v['kinds'], 'beyondOthers': beyond,
                       'leftOutWith': sorted(set(real['fundus']) - {source}), 'others': others, 'eye': real['eye'] if len(real['fundus']) == 1 else None}
    return out


def main(target, *files):
    out = {}
    for argument in files:
        steps, name = argument.split('=', 1)
        with open(name, encoding='utf-8') as f:
            out.update(of_run(json.load(f), int(steps)))
    with open(target, 'w', encoding='utf-8') as f:
        json.dump(dict(sorted(out.items())), f, indent=1)
    print(json.dumps(out, indent=1))


if __name__ == '__main__':
    main(*sys.argv[1:])
