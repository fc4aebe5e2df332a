"""One yes/no question per finding and conclusion, in both polarities and both languages.

The application asks them too ("encoded against said"), so they are also written to ../demo/questions.json: python -m language.yesno ../demo
"""
from __future__ import annotations

import json
import os
import sys

import numpy as np

from generator.findings import FINDINGS

END = {'en': ' Answer yes or no.', 'ru': ' Ответьте да или нет.'}
ANSWERS = {'en': {True: 'Yes.', False: 'No.'}, 'ru': {True: 'Да.', False: 'Нет.'}}
# id -> (en, en negated, ru, ru negated); a negated question is answered "yes" where the thing is absent
QUESTIONS = {
    'microaneurysms': ('Are there microaneurysms?', 'Is the retina free of microaneurysms?', 'Есть ли микроаневризмы?', 'Верно ли, что микроаневризм нет?'),
    'haemorrhages': ('Are there blot haemorrhages?', 'Is the retina free of blot haemorrhages?', 'Есть ли пятнистые кровоизлияния?',
                     'Верно ли, что пятнистых кровоизлияний нет?'),
    'flame': ('Are there flame haemorrhages?', 'Is the retina free of flame haemorrhages?', 'Есть ли штриховые кровоизлияния?',
              'Верно ли, что штриховых кровоизлияний нет?'),
    'exudates': ('Are there hard exudates?', 'Is the retina free of hard exudates?', 'Есть ли твёрдые экссудаты?', 'Верно ли, что твёрдых экссудатов нет?'),
    'cotton-wool': ('Are there cotton wool spots?', 'Is the retina free of cotton wool spots?', 'Есть ли ватообразные очаги?',
                    'Верно ли, что ватообразных очагов нет?'),
    'drusen': ('Are there drusen?', 'Is the retina free of drusen?', 'Есть ли друзы?', 'Верно ли, что друз нет?'),
    'laser': ('Are there laser scars?', 'Is the retina free of laser scars?', 'Есть ли лазерные рубцы?', 'Верно ли, что лазерных рубцов нет?'),
    'neovascular': ('Are there new vessels?', 'Is the retina free of new vessels?', 'Есть ли новообразованные сосуды?',
                    'Верно ли, что новообразованных сосудов нет?'),
    'crescent': ('Is there a myopic crescent?', 'Is the disc free of a myopic crescent?', 'Есть ли миопический конус?', 'Верно ли, что миопического конуса нет?'),
    'diabetic': ('Is there diabetic retinopathy?', 'Is the retina free of diabetic retinopathy?', 'Есть ли диабетическая ретинопатия?',
                 'Верно ли, что диабетической ретинопатии нет?'),
    'referable': ('Is there referable diabetic retinopathy?', 'Is the retina free of referable diabetic retinopathy?',
                  'Есть ли диабетическая ретинопатия, требующая направления к специалисту?',
                  'Верно ли, что диабетической ретинопатии, требующей направления к специалисту, нет?'),
    'proliferative': ('Is there proliferative diabetic retinopathy?', 'Is the retina free of proliferative diabetic retinopathy?',
                      'Есть ли пролиферативная диабетическая ретинопатия?', 'Верно ли, что пролиферативной диабетической ретинопатии нет?'),
    'oedema': ('Is there a risk of macular oedema?', 'Is the macula free of a risk of oedema?', 'Есть ли риск макулярного отёка?',
               'Верно ли, что риска макулярного отёка нет?'),
    'amd': ('Is there macular degeneration?', 'Is the macula free of degeneration?', 'Есть ли макулярная дегенерация?', 'Верно ли, что макулярной дегенерации нет?'),
    'glaucoma': ('Is glaucoma suspected?', 'Is the disc free of signs of glaucoma?', 'Есть ли подозрение на глаукому?', 'Верно ли, что подозрения на глаукому нет?'),
    'fundus': ('Is this a fundus photograph?', 'Is this something other than a fundus photograph?', 'Это снимок глазного дна?', 'Верно ли, что это не глазное дно?'),
    'right-eye': ('Is this the right eye?', 'Is this the left eye?', 'Это правый глаз?', 'Это левый глаз?'),
}


def question(key, lang, negated):
    return QUESTIONS[key][(0 if lang == 'en' else 2) + int(negated)] + END[lang]


def facts(truth) -> dict[str, bool]:
    """What is known of an image, id -> whether it is so. Of drawn fundi everything follows from the findings drawn, as in
    tasks.conclusions; what a drawing leaves open (treated or vascular changes, exudates at no place in particular) is left out."""
    if truth['kind'] != 'fundus':
        return {'fundus': False}
    out = {'fundus': True}
    if truth.get('eye'):
        out['right-eye'] = truth['eye'] == 'OD'
    if truth.get('real'):
        return {**out, **truth['known'], **truth['facts']}
    names = {f['name'] for f in truth['findings']}
    out.update({n: n in names for n in FINDINGS})
    lesions = names & {'microaneurysms', 'haemorrhages', 'exudates'}
    open_question = names & {'laser'} or (not lesions and names & {'flame', 'cotton-wool'})
    if 'neovascular' in names or not open_question:
        out['diabetic'] = bool(lesions) or 'neovascular' in names
        out['referable'] = 'neovascular' in names or bool(lesions and names & {'haemorrhages', 'exudates', 'cotton-wool', 'flame'})
    out['proliferative'] = 'neovascular' in names
    if 'exudates' not in names:
        out['oedema'] = False
    elif any(f['name'] == 'exudates' and f['zone'] == 'macula' for f in truth['findings']):
        out['oedema'] = True
    out['amd'] = 'drusen' in names
    out['glaucoma'] = truth['cdr'] == 'large'
    return out


def sample_units(rng, truth, n):
    """n units like tasks.sample_pairs: a question in both languages with the polarity drawn anew for each; present and absent things about equally often."""
    known = facts(truth)
    pool = {v: [k for k in known if known[k] is v and k != 'fundus'] for v in (True, False)}
    out = []
    for i in range(n):
        value = bool(rng.random() < .5)
        keys = pool[value] or pool[not value]
        if not keys or rng.random() < .15:
            keys = ['fundus']
        key = keys[int(rng.integers(len(keys)))]
        if any(u[0][0] == 'yes-no:' + key for u in out):
            continue
        unit = []
        for lang in ('en', 'ru'):
            negated = bool(rng.random() < .5)
            unit.append(('yes-no:' + key, question(key, lang, negated), ANSWERS[lang][known[key] != negated]))
        out.append(unit[::-1] if rng.random() < .5 else unit)
    return out


# how often a question of the third stage is chosen: what the second had not learnt to answer more often
OFTEN = {'referable': 5, 'diabetic': 2, 'oedema': 2.5, 'exudates': 2.5, 'right-eye': 2}


def contrast_units(rng, truth, n, always=None):
    """n units, the question chosen by OFTEN whatever the answer is; every other unit asks in English both ways round, the others in both
    languages with the polarity drawn anew for each. always: a question that is asked first wherever its answer is known."""
    known = facts(truth)
    keys = list(known)
    weight = np.array([OFTEN.get(k, 1) for k in keys], float)
    out = []
    chosen = [str(k) for k in rng.choice(keys, size=min(n, len(keys)), replace=False, p=weight / weight.sum())]
    if always in known:
        chosen = [always, *(k for k in chosen if k != always)][:n]
    for key in chosen:
        if rng.random() < .5:
            asked = [('en', False), ('en', True)]
        else:
            asked = [(lang, bool(rng.random() < .5)) for lang in ('en', 'ru')]
        unit = [('yes-no:' + key, question(key, lang, negated), ANSWERS[lang][known[key] != negated]) for lang, negated in asked]
        out.append(unit[::-1] if rng.random() < .5 else unit)
    return out


def write(folder):
    rows = {k: {'en': {'positive': question(k, 'en', False), 'negative': question(k, 'en', True)},
                'ru': {'positive': question(k, 'ru', False), 'negative': question(k, 'ru', True)},
                'kind': 'finding' if k in FINDINGS else 'image' if k in ('fundus', 'right-eye') else 'conclusion'} for k in QUESTIONS}
    text = {'schema': 'fundus-lens.yes-no-questions/1', 'answers': {lang: {'yes': a[True], 'no': a[False]} for lang, a in ANSWERS.items()}, 'questions': rows}
    with open(os.path.join(folder, 'questions.json'), 'w', encoding='utf-8') as f:
        json.dump(text, f, ensure_ascii=False, indent=1)
        f.write('\n')


if __name__ == '__main__':
    write(sys.argv[1])
