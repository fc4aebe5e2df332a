"""Writes the model card ../demo/README.md from eval.json, config and log, so that its numbers are the measured ones: python -m card.make_card ../demo [--parity parity.json] [--again LOG]"""
from __future__ import annotations

import argparse
import hashlib
import json
import os

PERCENT = lambda v: f'{100 * v:.1f} %'


def held_out_table(h):
    rows = [('Modality, described (10 medical modalities or "not medical")', 'modality', '≥ 98 %'),
            ('Subject, described (all 38 kinds)', 'subject', ''), ('Subject, one word (all 38 kinds)', 'subject-one-word', ''),
            ('Fundus photograph or not', 'fundus', ''), ('Eye, in the description', 'eye', '≥ 95 %'), ('Eye, asked', 'eye-asked', '≥ 95 %'),
            ('Cup class, asked', 'cup', ''), ('Quality, asked', 'quality', ''), ('Conclusion, asked, word for word', 'conclusion', '')]
    out = ['| measure | English | Russian | aim |', '| --- | --- | --- | --- |']
    for name, key, aim in rows:
        out.append(f"| {name} | {PERCENT(h['en'][key])} | {PERCENT(h['ru'][key])} | {aim} |")
    out.append(f"| Findings, asked: macro F1 | {h['en']['findingsMacroF1']:.3f} | {h['ru']['findingsMacroF1']:.3f} | ≥ 0.85 |")
    out.append(f"| Findings, in the description: macro F1 | {h['en']['findingsMacroF1InDescription']:.3f} | {h['ru']['findingsMacroF1InDescription']:.3f} | |")
    return '\n'.join(out)


def findings_table(h):
    out = ['| finding | images with it | precision | recall | F1 |', '| --- | --- | --- | --- | --- |']
    for name, v in h['en']['findings'].items():
        out.append(f"| {name} | {v['true']} | {v['precision']:.2f} | {v['recall']:.2f} | {v['f1']:.2f} |")
    return '\n'.join(out)


def real_table(r):
    out = ['| image | shows | describe, en | one word, en | describe, ru | one word, ru |', '| --- | --- | --- | --- | --- | --- |']
    for o in r['others']:
        a = o['answers']
        mark = ' **(called fundus)**' if o['calledFundus'] else ''
        out.append(f"| {o['file']}{'' if o['counted'] else ' †'}{mark} | {o['shows']} | {a['describe/en']} | {a['one-word/en']} | {a['describe/ru']} | {a['one-word/ru']} |")
    return '\n'.join(out)


def retina_table(r):
    out = ['| preset | language | answer |', '| --- | --- | --- |']
    for key, v in r['retina'].items():
        preset, lang = key.split('/')
        out.append(f"| {preset} | {lang} | {v['answer']} |")
    return '\n'.join(out)


def compare_logs(log, again):
    """How far the auxiliary loss of a second run is from the first: at the first step, and its means over stretches of 50 steps."""
    pairs = [(a['aux'], b['aux']) for a, b in zip(log, again)]
    means = [[round(sum(p[k] for p in pairs[i:i + 50]) / len(pairs[i:i + 50]), 4) for k in (0, 1)] for i in range(0, len(pairs), 50)]
    return {'steps': len(pairs), 'meansOf50': means, 'largestDifference': round(max(abs(a - b) for a, b in pairs), 4),
            'meanDifference': round(sum(abs(a - b) for a, b in pairs) / len(pairs), 4)}


def compare_third(log, again):
    """Whether two runs of third.py write the same lines, wall time aside: steps compared, steps that are the same in every number, largest difference of the answer loss."""
    pairs = list(zip(log, again))
    plain = lambda r: {k: v for k, v in r.items() if k != 'seconds'}
    return {'steps': len(pairs), 'same': sum(plain(x) == plain(y) for x, y in pairs), 'largestDifference': max(abs(x['text'] - y['text']) for x, y in pairs)}


def recognition_table(now, before):
    """Fundus photographs called so, per source: this checkpoint, and the one that it was made from."""
    out = ['| source (held-back photographs) | n | described, en + ru | one word, en + ru | before this stage, described |', '| --- | --- | --- | --- | --- |']
    for name, v in now['fundus'].items():
        b = before['fundus'].get(name)
        out.append(f"| {name} | {v['n']} | {v['describedInBothLanguages']} | {v['oneWordInBothLanguages']} | {b['describedInBothLanguages'] if b else '–'} |")
    return '\n'.join(out)


def left_out_table(left):
    """Runs that did not see a source (left_out.py), on all that there is of it."""
    out = ['| source left out | steps | n | described, en / ru | in both, 95 % interval | one word, en / ru | in both, 95 % interval | beyond 98 % of others, en / ru | other pictures described as a fundus, en / ru |',
           '| --- | --- | --- | --- | --- | --- | --- | --- | --- |']
    share = lambda v, k: f"{PERCENT(v[k] / v['n'])} ({100 * v['interval'][k][0]:.0f}–{100 * v['interval'][k][1]:.0f} %)"
    for name, v in left.items():
        o, beyond = v['others'], v['beyondOthers']
        with_what = f" (with {', '.join(v['leftOutWith'])})" if v['leftOutWith'] else ''
        out.append(f"| {name}{with_what} | {v['steps']} | {v['n']} | {v['describe/en']} / {v['describe/ru']} | {share(v, 'describedInBothLanguages')} | "
                   f"{v['one-word/en']} / {v['one-word/ru']} | {share(v, 'oneWordInBothLanguages')} | {beyond['en']} / {beyond['ru']} | {o['describe/en']} / {o['describe/ru']} of {o['n']} |")
    return '\n'.join(out)


def yes_no_table(now, before):
    out = ['| asked of held-back IDRiD photographs | n (positive) | AUROC, en | AUROC, ru | 95 % interval, en | answered rightly, en / ru | before, en |', '| --- | --- | --- | --- | --- | --- | --- |']
    for key in ('referable', 'diabetic', 'oedema', 'exudates', 'microaneurysms'):
        for sign in ('positive', 'negative', 'both'):
            v, r = now['yesNo'].get(f'{key}/en/{sign}'), now['yesNo'].get(f'{key}/ru/{sign}')
            b = before['yesNo'].get(f'{key}/en/{sign}') or {}
            if v and 'auroc' in v:
                answered = f"{PERCENT(v['answered'])} / {PERCENT(r['answered'])}" if 'answered' in v else ''
                out.append(f"| {key}, {sign} | {v['n']} ({v['positive']}) | {v['auroc']:.3f} | {r['auroc']:.3f} | {v['interval'][0]:.2f}–{v['interval'][1]:.2f} | {answered} | "
                           f"{b['auroc']:.3f} |" if 'auroc' in b else '')
    return '\n'.join(o for o in out if o)


def confusion(now):
    return '\n'.join(['| shown | described as (English, first word), number of pictures |', '| --- | --- |'] + [
        f"| {group} | {', '.join(f'{k} {n}' for k, n in table.items())} |" for group, table in now['confusion'].items()])


def depths(e):
    out = ['| read at the answer, held-back real photographs | n | layer at which it becomes readable: photographs | never |', '| --- | --- | --- | --- |']
    for name, v in e['concepts'].items():
        out.append(f"| {name} | {v['n']} | {', '.join(f'{k}: {n}' for k, n in v['layers'].items())} | {v['never']} |")
    return '\n'.join(out)


def parity_table(p):
    rows = [('position ids and token ids', 'equal', lambda v: 'equal' if v['samePositionsAndTokens'] else 'DIFFERENT'),
            ('pixel values, largest difference', '≤ 1e-5', lambda v: f"{v['pixels']:.1e}"),
            ('image embeddings, relative error', '< 1e-4', lambda v: f"{v['imageEmbeds']:.1e}"),
            ('residual rows, worst relative error', '< 1e-4', lambda v: f"{v['residual']:.1e}"),
            ('lens log-probabilities, entropies, divergences: largest difference, nats', '< 1e-3', lambda v: f"{v['lens']:.1e}"),
            ('cells with another order of the top 10 where neighbours differ by more than 1e-4', '0', lambda v: str(v['wrongOrder'])),
            ('same greedy text (8 tokens)', 'all that do not hang on a lead below 0.005', lambda v: f"{v['sameText']} of {v['cases']}")]
    return '\n'.join(['| | rule | measured |', '| --- | --- | --- |'] + [f'| {n} | {rule} | {f(p)} |' for n, rule, f in rows])


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('folder')
    p.add_argument('--real', nargs=4, metavar=('NOW', 'BEFORE', 'LEFT_OUT', 'DEPTH'), help='evaluate_real.py of this checkpoint and of the one before the second stage; '
                   'a list of leave-one-source-out runs; emergence_real.py; all kept in eval.json')
    p.add_argument('--left-out', help='written by left_out.py; kept in eval.json')
    p.add_argument('--again-third', nargs=2, metavar=('LOG', 'LOG'), help='the logs of two runs of third.py over the same first steps; the comparison is kept in eval.json')
    p.add_argument('--parity', help='written by bench/checkpoints/compare-checkpoint.ts --json; kept in eval.json')
    p.add_argument('--again', help='training-log.jsonl of a second run of the first steps; the comparison is kept in eval.json')
    a = p.parse_args()
    folder = a.folder
    e = json.load(open(os.path.join(folder, 'eval.json'), encoding='utf-8'))
    card = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'card-facts.json'), encoding='utf-8'))
    log = [json.loads(s) for s in open(os.path.join(folder, 'training-log.jsonl'), encoding='utf-8')]
    second = [json.loads(s) for s in open(os.path.join(folder, 'adapt-log.jsonl'), encoding='utf-8')]
    third = [json.loads(s) for s in open(os.path.join(folder, 'third-log.jsonl'), encoding='utf-8')]
    if a.real:
        e['realPhotographs'] = dict(zip(('now', 'before', 'leftOut', 'depth'), (json.load(open(f, encoding='utf-8')) for f in a.real)))
    if a.left_out:
        e['realPhotographs']['leftOut'] = json.load(open(a.left_out, encoding='utf-8'))
    now, before, left, depth = (e['realPhotographs'][k] for k in ('now', 'before', 'leftOut', 'depth'))
    called = sum(v['describedInBothLanguages'] for v in now['fundus'].values())
    shown = sum(v['n'] for v in now['fundus'].values())
    words = sum(v['oneWordInBothLanguages'] for v in now['fundus'].values())
    refer = now['yesNo']['referable/en/positive']
    refer_ru = now['yesNo']['referable/ru/positive']
    if a.parity:
        e['parity'] = json.load(open(a.parity, encoding='utf-8'))
    if a.again:
        e['reproduction'] = compare_logs(log, [json.loads(s) for s in open(a.again, encoding='utf-8')])
    if a.again_third:
        e['reproductionThird'] = compare_third(*([json.loads(s) for s in open(f, encoding='utf-8')] for f in a.again_third))
    with open(os.path.join(folder, 'eval.json'), 'w', encoding='utf-8') as f:
        json.dump(e, f, ensure_ascii=False, indent=1)
    vision, joint = [r for r in log if r['stage'] == 'vision'], [r for r in log if r['stage'] == 'joint']
    weights = os.path.join(folder, 'model.safetensors')
    sha = hashlib.sha256(open(weights, 'rb').read()).hexdigest()
    text = [r for r in joint if 'text' in r][-50:]
    m, h, r = e['emergence'], e['heldOut'], e['real']
    ranks = m['retina']['rank']
    curve = ', '.join(f"{r0['step']}: {r0['aux']:.2f}" for r0 in log[:200:20])
    again = e.get('reproduction')
    reproduction = 'Not run for this checkpoint.' if not again else (
        'Auxiliary loss, means of 50 steps, first and second run: '
        + '; '.join(f'{x:.3f} and {y:.3f}' for x, y in again['meansOf50'])
        + f". Single steps differ by {again['meanDifference']:.4f} on average and {again['largestDifference']:.3f} at most ({again['steps']} steps).")
    if 'reproductionThird' in e:
        third_again = e['reproductionThird']
        reproduction += (f"\n\nThird stage's script, the first {third_again['steps']} steps of the run without IDRiD (below) again: {third_again['same']} of {third_again['steps']} lines of the log are the same in every"
                         f" number; the answer loss differs by {third_again['largestDifference']:.5f} at most.")
    parity = 'Not run for this checkpoint.'
    if 'parity' in e:
        same, resized = e['parity']['unresized'], e['parity']['resized']
        parity = (f"The project's engine and transformers (float32, eager attention): {same['images']} held-out images × {same['prompts']} prompts, all positions and layers.\n\n"
                  + parity_table(same))
        if resized['cases']:
            parity += (f"\n\n{resized['images']} real photographs, which have to be resized (`retina.jpg` and one each of IDRiD, CHASE_DB1, HRF and FIVES), × {resized['prompts']} prompts: pixel values differ by {resized['pixels']:.1g} at most, residual rows by {resized['residual']:.1e},"
                       f" lens by {resized['lens']:.1e} nats; the greedy text is the same in {resized['sameText']} of {resized['cases']}.")
    with open(os.path.join(folder, 'README.md'), 'w', encoding='utf-8') as f:
        f.write(f'''---
license: apache-2.0
language: [en, ru]
pipeline_tag: image-text-to-text
library_name: transformers
---
# Fundus Lens demonstration checkpoint

A small `Qwen2_5_VLForConditionalGeneration` that this project trained on images that it drew and on licensed real photographs, so that a fresh
install has something real to trace offline. **It is not a medical device; it is for demonstration only.** Its answers are worth nothing clinically; its layers are worth looking at.

On photographs that no training run has seen: **{called} of {shown} real fundus photographs** of the training sources are described as a fundus photograph in both languages ({words} of {shown} when asked
for one word); **{now['others']['describe/en']} and {now['others']['describe/ru']} of {now['others']['n']} other real pictures** are (English, Russian; {now['others']['calledFundusInAnyOfFour']} by any of four questions); the eye is right in {now['eye']['described-eye/en']['right']} of
{now['eye']['described-eye/en']['n']} descriptions ({now['eye']['eye/en']['right']} when asked); referable diabetic retinopathy, answer margin: AUROC {refer['auroc']:.2f} ({refer['interval'][0]:.2f}–{refer['interval'][1]:.2f}) in English, {refer_ru['auroc']:.2f} ({refer_ru['interval'][0]:.2f}–{refer_ru['interval'][1]:.2f}) in Russian. {card['honest']}

| | |
| --- | --- |
| architecture | Qwen2.5-VL: 12 decoder layers (width 256, 4 query and 2 key/value heads of 64, MLP 384, tied embeddings), vision tower of 4 blocks (width 192, 3 heads, MLP 1568; windows of 112 px, full attention in the last block) |
| size | {os.path.getsize(weights):,} bytes, float16; SHA-256 `{sha}` |
| vocabulary | byte-level BPE, 2,203 tokens with Qwen's special tokens and chat template; 2,304 rows (the rest belong to no token) |
| images | shown at about 224 px: sides are multiples of 28, at most 51,744 pixels in all, aspect ratio kept |
| languages | English, Russian |
| licence | Apache-2.0: code, generated data and weights of this project |

## Use

```python
from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration
model = Qwen2_5_VLForConditionalGeneration.from_pretrained('models/demo')
```

No remote code. Run it in float32 arithmetic (the file is float16).

## Data

{card['data']}

## Training

{card['training']}

{card['second']}

Second stage: {len(second)} steps of {second[-1]['images']} images, {sum(max(0, y['seconds'] - x['seconds']) for x, y in zip(second, second[1:])) / 60:.0f} minutes. Answer loss (nats per token), means of the first and last 50 steps: {sum(x['text'] for x in second[:50]) / 50:.2f} and {sum(x['text'] for x in second[-50:]) / 50:.2f}.
Its log is `adapt-log.jsonl`.

{card['third']}

Third stage: {len(third)} steps of {third[-1]['images']} images. Answer loss, means of the first and last 50 steps: {sum(x['text'] for x in third[:50]) / 50:.2f} and {sum(x['text'] for x in third[-50:]) / 50:.2f}; yes/no answers
right in training: {PERCENT(sum(x['yes_no'] for x in third[:50]) / 50)} and {PERCENT(sum(x['yes_no'] for x in third[-50:]) / 50)}. Its log is `third-log.jsonl`.

First stage, auxiliary loss at the first steps (step: loss): {curve}. The whole log is `training-log.jsonl`
({len(vision)} steps of the vision stage, {len(joint)} joint steps; last 50 steps with text: {sum(x['text'] for x in text) / max(1, len(text)):.3f} nats per answer
token, {100 * sum(x['token_accuracy'] for x in text) / max(1, len(text)):.1f} % of answer tokens right).

### The same again

{card['reproduction']}

{reproduction}

## Evaluation on real photographs

How often these pictures were looked at: {card['looks']}

{recognition_table(now, before)}

### Sources left out in turn

{left_out_table(left)}

{card['leftOut']}

### Eye, confusions, yes/no questions

Eye, right of {now['eye']['eye/en']['n']} (before: described {before['eye']['described-eye/en']['right']} and {before['eye']['described-eye/ru']['right']}, asked {before['eye']['eye/en']['right']} and {before['eye']['eye/ru']['right']}, of
{before['eye']['eye/en']['n']}, English and Russian): described {now['eye']['described-eye/en']['right']} and {now['eye']['described-eye/ru']['right']}, asked {now['eye']['eye/en']['right']} and {now['eye']['eye/ru']['right']}.
Calibration error of the probability of "fundus" in the description (ten bins): {now['ece']['en']:.3f} English, {now['ece']['ru']:.3f} Russian.
"Is this a fundus photograph?" answered rightly: {PERCENT(now['yesNo']['fundus/en']['positive'])} and {PERCENT(now['yesNo']['fundus/ru']['positive'])}; "Is this something other than a fundus photograph?": {PERCENT(now['yesNo']['fundus/en']['negative'])} and {PERCENT(now['yesNo']['fundus/ru']['negative'])}.

{confusion(now)}

Called a fundus by any of describe or one word, English or Russian: {', '.join(w['source'] + ' ' + w['name'] for w in now['others']['wrong']) or 'none'}.

Yes/no questions, margin log P(yes) − log P(no); "negative" is the question for absence, its margin with the sign turned; "both" the mean. Intervals: bootstrap over blocks of ten neighbours, which may be one person.

{yes_no_table(now, before)}

## Evaluation on drawn images

Generated held-out set: {h['en']['images']} images ({h['en']['fundusImages']} fundus photographs), another seed, no real images. Greedy answers, float32 arithmetic.

{held_out_table(h)}

{card['evaluation']}

Findings, asked in English:

{findings_table(h)}

### Answers to real pictures, in full

`retina.jpg` (CC0) is called a fundus photograph or retina in {r['retinaRight']} of preset × language:

{retina_table(r)}

It shows a left eye without disease; what the answers add to "fundus" is to be judged against that.

Real non-fundus images from scikit-image (Debian's python3-skimage): **{r['calledFundus']} of {r['counted']} called a fundus**. † drawings, answered but not counted.

{real_table(r)}

## Emergence

![Mean log-probability of the fundus concept per layer](emergence.png)

Logit lens at the last prompt position, prompt "{m['prompt']}": log-probability of the concept's first tokens (fundus, retina, глазное, сетчатка and their forms),
mean and 5th to 95th percentile over {m['fundus']['images']} held-out fundus photographs and {m['controls']['images']} held-out controls. The numbers are in eval.json.

`retina.jpg`: rank of the concept's best token at layers 0 … 12: {', '.join(map(str, ranks))}.

{card['emergence']}

On the {depth['photographs']} held-back real photographs, against {depth['controls']} controls of `data/controls` (readable: at that layer and all later ones above every control by 1 nat):

{depths(depth)}

{card['depth']}

## Agreement with transformers

{parity}

## Limits

{card['limits']}
''')


if __name__ == '__main__':
    main()
