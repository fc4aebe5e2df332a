"""Evaluates a checkpoint on real photographs: python -m evaluation.evaluate_real --model ../demo --fundus FUNDUS --others REAL_TEST [--all-of SOURCE ...] [--json OUT]

Fundus photographs are the held-back ones of every source (held-back.json); --all-of takes all of a source instead (leave-one-source-out). Others: made by real_test.py. Sizes, resizing
and normalisation are those of transformers' image processor; all questions of a picture share one pass (they see the picture and themselves only), which
check_model.py shows to be the same computation. "Called" is the first token of the greedy answer. Every run is counted in looks.json beside OUT.
"""
from __future__ import annotations

import argparse
import json
import os
import re

import numpy as np
import torch
from PIL import Image

from network import model as M
from pictures import real
from language import tasks
from language import yesno
from evaluation.evaluate import Runner

LANGS = ('en', 'ru')
YES_NO = ('fundus', 'referable', 'exudates', 'oedema', 'right-eye')
FORCED = {'en': 'Fundus photograph of the', 'ru': 'Глазное дно'}
EYES = {'en': {'OD': ' right', 'OS': ' left'}, 'ru': {'OD': ' правого', 'OS': ' левого'}}


class Asker:
    """Answers' first tokens to many questions about one picture in one pass."""

    def __init__(self, folder, quick=False):
        from transformers import AutoImageProcessor
        self.run = Runner(folder)
        self.proc = AutoImageProcessor.from_pretrained(folder)
        enc = lambda s: self.run.packer.enc(s)
        self.first = lambda s: enc(s)[0]
        self.questions = []
        for lang in LANGS:
            for preset in ('describe', 'one-word', 'notebook', 'protocol'):
                self.questions.append((f'{preset}/{lang}', tasks.PRESETS[preset][lang], ''))
            self.questions.append((f'eye/{lang}', tasks.phrasings('eye', lang)[0], ''))
            self.questions.append((f'described-eye/{lang}', tasks.PRESETS['describe'][lang], FORCED[lang]))
            for key in YES_NO if not quick else ():
                for negated in (False, True):
                    self.questions.append((f"{key}/{lang}/{'negative' if negated else 'positive'}", yesno.question(key, lang, negated), ''))
        self.kind_of = {}
        for k, words in tasks.KINDS.items():
            for w in words:
                self.kind_of.setdefault(self.first(w), set()).add(k)
        self.fundus = {self.first(w) for w in tasks.KINDS['fundus']}
        self.yes = {lang: (self.first(yesno.ANSWERS[lang][True]), self.first(yesno.ANSWERS[lang][False])) for lang in LANGS}

    @torch.no_grad()
    def ask(self, path, states=False):
        """-> {question id: log-probabilities [V] of the next token}, or with states those of all layers [L + 1, V]."""
        image = Image.open(path).convert('RGB')
        x = self.proc(images=[image], return_tensors='pt')
        _, gh, gw = x['image_grid_thw'][0].tolist()
        visual, pk, lm = self.run.visual, self.run.packer, self.run.lm
        feats = visual(x['pixel_values'], grid_thw=x['image_grid_thw'])
        feats = (feats.pooler_output if hasattr(feats, 'pooler_output') else feats)[None]
        rows, cols = gh // 2, gw // 2
        assert feats.shape[1] == rows * cols
        m, p0 = rows * cols, len(pk.head)
        ids, pos, seg = list(pk.head) + [pk.image] * m + list(pk.vend), [], [0] * (p0 + m + len(pk.vend))
        n, after = len(ids), p0 + max(rows, cols)
        base = torch.zeros(3, n, dtype=torch.long)
        base[:, :p0] = torch.arange(p0)
        base[0, p0:p0 + m] = p0
        base[1, p0:p0 + m] = p0 + torch.arange(rows).repeat_interleave(cols)
        base[2, p0:p0 + m] = p0 + torch.arange(cols).repeat(rows)
        base[:, p0 + m:] = after
        ends = {}
        for s, (key, question, forced) in enumerate(self.questions, 1):
            q = pk._enc(question) + pk.mid + (pk.enc(forced) if forced else [])
            ids += q
            seg += [s] * len(q)
            pos.append(after + 1 + torch.arange(len(q)))
            ends[key] = len(ids) - 1
        rest = torch.cat(pos)
        position = torch.cat([base, rest.expand(3, -1)], 1)[:, None]
        T = len(ids)
        segment = torch.tensor(seg)
        mask = torch.ones(T, T, dtype=torch.bool).tril() & ((segment[:, None] == segment[None]) | (segment[None] == 0))
        emb = lm.embed_tokens.weight[torch.tensor(ids)][None]
        emb = torch.cat([emb[:, :p0], feats, emb[:, p0 + m:]], 1)
        where = torch.tensor(list(ends.values()))
        kept, original = [emb[0, where]], M.DECODER_BLOCK

        def spy(*args):
            y = original(*args)
            kept.append(y[0, where])
            return y
        M.DECODER_BLOCK = spy
        try:
            M.decoder_forward(lm, emb, position, mask[None, None])
        finally:
            M.DECODER_BLOCK = original
        h = torch.stack(kept) if states else kept[-1][None]
        lp = self.run.lens(h).numpy()
        return {k: lp[:, i] if states else lp[0, i] for i, k in enumerate(ends)}

    def summary(self, lp):
        """What is read off the answers of one picture."""
        out = {'called': {}, 'kind': {}, 'p': {}, 'margin': {}}
        for lang in LANGS:
            for preset in [p for p in ('describe', 'one-word', 'notebook', 'protocol') if f'{p}/{lang}' in lp]:
                v = lp[f'{preset}/{lang}']
                out['called'][f'{preset}/{lang}'] = int(v.argmax()) in self.fundus
            v = lp[f'describe/{lang}']
            out['kind'][lang] = sorted(self.kind_of.get(int(v.argmax()), {'?'}))[0]
            out['p'][lang] = float(np.exp(v[list(self.fundus)]).sum())
            e = lp[f'eye/{lang}']
            right, left = (self.first(tasks.EYE_SHORT[lang][k]) for k in ('OD', 'OS'))
            out['margin'][f'eye/{lang}'] = float(e[right] - e[left])
            out['called'][f'eye/{lang}'] = 'OD' if int(e.argmax()) == right else 'OS' if int(e.argmax()) == left else None
            d = lp[f'described-eye/{lang}']
            best = int(d.argmax())
            out['called'][f'described-eye/{lang}'] = next((k for k, w in EYES[lang].items() if self.first(w) == best), None)
            yes, no = self.yes[lang]
            for key in [k for k in YES_NO if f'{k}/{lang}/positive' in lp]:
                for sign in ('positive', 'negative'):
                    out['margin'][f'{key}/{lang}/{sign}'] = float(lp[f'{key}/{lang}/{sign}'][yes] - lp[f'{key}/{lang}/{sign}'][no])
        return out


def auroc(score, label):
    s, y = np.asarray(score, float), np.asarray(label, bool)
    if y.all() or not y.any():
        return None
    order = s.argsort(kind='stable')
    rank = np.empty(len(s))
    rank[order] = np.arange(1, len(s) + 1)
    for v in np.unique(s):
        rank[s == v] = rank[s == v].mean()
    return float((rank[y].sum() - y.sum() * (y.sum() + 1) / 2) / (y.sum() * (~y).sum()))


def with_interval(score, label, groups, seed=0, times=2000):
    """AUROC and its 95 % bootstrap interval over groups (blocks of neighbours, which may be one person)."""
    value = auroc(score, label)
    if value is None:
        return None
    rng, groups = np.random.default_rng(seed), np.asarray(groups)
    names = np.unique(groups)
    score, label = np.asarray(score), np.asarray(label)
    draws = []
    for _ in range(times):
        take = np.concatenate([np.where(groups == g)[0] for g in rng.choice(names, len(names))])
        a = auroc(score[take], label[take])
        if a is not None:
            draws.append(a)
    return {'auroc': round(value, 4), 'interval': [round(float(v), 4) for v in np.percentile(draws, [2.5, 97.5])], 'n': len(label), 'positive': int(label.sum())}


def calibration(p, y, bins=10):
    p, y = np.asarray(p), np.asarray(y, float)
    which = np.minimum((p * bins).astype(int), bins - 1)
    return float(sum(abs(p[which == b].mean() - y[which == b].mean()) * (which == b).mean() for b in range(bins) if (which == b).any()))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--model', default='../demo')
    p.add_argument('--fundus', required=True)
    p.add_argument('--others', required=True)
    p.add_argument('--all-of', nargs='*', default=[])
    p.add_argument('--json')
    p.add_argument('--quick', action='store_true', help='kind and eye only')
    p.add_argument('--only-others', type=int, help='every n-th other picture')
    p.add_argument('--cache', nargs='*', default=[], help='files with what was already read off; new readings go to the first')
    p.add_argument('--skip-fundus', action='store_true', help='fill the cache with the other pictures only')
    p.add_argument('--offset', type=int, default=0)
    p.add_argument('--skip-others', action='store_true')
    p.add_argument('--threads', type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    asker, back = Asker(a.model, a.quick), real.held_back()
    photographs = [r for r in real.read_rows(a.fundus) if r['kind'] == 'fundus' and (real.source_of(r) in a.all_of if a.all_of else r['file'] in back)]
    done = {}
    for path in a.cache:
        if os.path.exists(path):
            with open(path) as f:
                done.update(json.load(f))

    def summary(path):
        if path not in done:
            done[path] = asker.summary(asker.ask(path))
        return done[path]

    def keep():
        if a.cache:
            with open(a.cache[0], 'w') as f:
                json.dump(done, f)
    read = [] if a.skip_fundus else [(r, summary(os.path.join(a.fundus, 'images', r['file']))) for r in photographs]
    keep()
    if a.skip_fundus and not a.skip_others:
        asker.questions = [q for q in asker.questions if q[0].split('/')[0] in ('describe', 'one-word', 'fundus', 'eye', 'described-eye')]
        with open(os.path.join(a.others, 'list.json')) as f:
            for r in json.load(f)[a.offset::a.only_others or 1]:
                summary(os.path.join(a.others, r['file']))
        keep()
        return
    result = {'fundus': {}, 'photographs': [], 'eye': {}, 'yesNo': {}}
    for source in sorted({real.source_of(r) for r in photographs}):
        mine = [s for r, s in read if real.source_of(r) == source]
        result['fundus'][source] = {'n': len(mine), **{k: sum(s['called'][k] for s in mine) for k in mine[0]['called'] if 'eye' not in k},
                                    'describedInBothLanguages': sum(s['called']['describe/en'] and s['called']['describe/ru'] for s in mine),
                                    'oneWordInBothLanguages': sum(s['called']['one-word/en'] and s['called']['one-word/ru'] for s in mine),
                                    'kinds': sorted({s['kind']['en'] for s in mine})}
    for lang in LANGS:
        for key in ('eye', 'described-eye'):
            ok = [s['called'][f'{key}/{lang}'] == {'right': 'OD', 'left': 'OS'}[r['eye']] for r, s in read if r['eye']]
            result['eye'][f'{key}/{lang}'] = {'right': int(sum(ok)), 'n': len(ok)}
    block = lambda r: int(re.sub(r'\D', '', r['file'])) // 10
    for key in ('referable', 'oedema', 'exudates') if not a.quick else ():
        truth = [{**real.facts_of(r), **real.known_findings(r)}.get(key) for r, _ in read]
        on = [i for i, t in enumerate(truth) if t is not None and real.source_of(read[i][0]) == 'IDRiD']
        for lang in LANGS:
            both = {}
            for sign in ('positive', 'negative'):
                score = [read[i][1]['margin'][f'{key}/{lang}/{sign}'] * (1 if sign == 'positive' else -1) for i in on]
                both[sign] = score
                if on:
                    result['yesNo'][f'{key}/{lang}/{sign}'] = {**(with_interval(score, [truth[i] for i in on], [block(read[i][0]) for i in on]) or {}),
                                                               'answered': round(float(np.mean([(v > 0) == truth[i] for v, i in zip(score, on)])), 4)}
            if on:
                mean = np.mean([both['positive'], both['negative']], 0)
                result['yesNo'][f'{key}/{lang}/both'] = with_interval(mean, [truth[i] for i in on], [block(read[i][0]) for i in on])
    result['photographs'] = [{'file': r['file'], 'source': real.source_of(r), 'kind': s['kind'], 'p': {k: round(v, 4) for k, v in s['p'].items()}, 'eye': s['called']['eye/en'],
                              'trueEye': r['eye'], 'referable': round(s['margin'].get('referable/en/positive', 0), 3), 'grade': r['dr_grade']} for r, s in read]
    if not a.skip_others:
        with open(os.path.join(a.others, 'list.json')) as f:
            listed = json.load(f)[::a.only_others or 1]
        other = [(r, summary(os.path.join(a.others, r['file']))) for r in listed]
        called = lambda s: s['called']['describe/en'] or s['called']['describe/ru'] or s['called']['one-word/en'] or s['called']['one-word/ru']
        wrong = [{**r, 'kind': s['kind'], 'p': {k: round(v, 4) for k, v in s['p'].items()}} for r, s in other if called(s)]
        result['others'] = {'n': len(other), 'calledFundusInAnyOfFour': len(wrong), 'describe/en': sum(s['called']['describe/en'] for _, s in other),
                            'describe/ru': sum(s['called']['describe/ru'] for _, s in other), 'wrong': wrong,
                            'p': {lang: [round(s['p'][lang], 4) for _, s in other] for lang in LANGS},
                            'medical': {r['file']: s['kind']['en'] for r, s in other if r['source'] in ('BreCaHAD', 'Kermany OCT2017', 'PAD-UFES-20')}}
        table = {}
        for group, items in (('fundus', read), ('other', other)):
            for _, s in items:
                table.setdefault(group, {}).setdefault(s['kind']['en'], 0)
                table[group][s['kind']['en']] += 1
        result['confusion'] = {g: dict(sorted(t.items(), key=lambda x: -x[1])) for g, t in table.items()}
        for lang in LANGS:
            result.setdefault('ece', {})[lang] = round(calibration([s['p'][lang] for _, s in read + other], [1] * len(read) + [0] * len(other)), 4)
            if a.quick:
                continue
            m = [s['margin'][f'fundus/{lang}/positive'] for _, s in read + other], [s['margin'][f'fundus/{lang}/negative'] for _, s in read + other]
            y = np.array([1] * len(read) + [0] * len(other), bool)
            result['yesNo'][f'fundus/{lang}'] = {'positive': round(float((y == (np.array(m[0]) > 0)).mean()), 4), 'negative': round(float((y == (np.array(m[1]) < 0)).mean()), 4)}
    looks = os.path.join(os.path.dirname(os.path.abspath(a.json or 'work/x')), 'looks.json')
    count = 1
    if os.path.exists(looks):
        with open(looks) as f:
            count = json.load(f)['looks'] + 1
    with open(looks, 'w') as f:
        json.dump({'looks': count}, f)
    result['look'] = count
    if a.json:
        with open(a.json, 'w', encoding='utf-8') as f:
            json.dump(result, f, ensure_ascii=False, indent=1)
    print(json.dumps({k: v for k, v in result.items() if k != 'photographs'}, ensure_ascii=False)[:6000])


if __name__ == '__main__':
    main()
