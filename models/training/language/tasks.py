"""Questions and answers in English and Russian, built from an image's truth.

The first token of every "what is it" answer names the modality, so that a lens at the last prompt position has a concept to follow.
Presets are the exact prompts of the command line; the other phrasings keep the model from listening to one sentence only.
"""
from __future__ import annotations

from generator.findings import FINDINGS

# kind -> (one word en, description en, one word ru, description ru)
KINDS = {
    'fundus': ('Retina', 'Fundus photograph', 'Сетчатка', 'Глазное дно'),
    'oct': ('OCT', 'OCT scan of the layers of the retina', 'ОКТ', 'ОКТ, срез слоёв сетчатки'),
    'angiogram': ('Angiogram', 'Angiogram of the retina with fluorescein', 'Ангиограмма', 'Ангиограмма сетчатки с флуоресцеином'),
    'eye': ('Eye', 'Eye seen from the outside', 'Глаз', 'Глаз снаружи'),
    'xray': ('X-ray', 'X-ray of the chest', 'Рентген', 'Рентген грудной клетки'),
    'skin': ('Skin', 'Skin with a spot', 'Кожа', 'Кожа с пятном'),
    'histology': ('Histology', 'Histology slide of stained tissue', 'Гистология', 'Гистология, окрашенный срез ткани'),
    'ultrasound': ('Ultrasound', 'Ultrasound image', 'УЗИ', 'УЗИ, ультразвуковой снимок'),
    'ct': ('Tomogram', 'Tomogram, a slice through the body', 'Томограмма', 'Томограмма, срез тела'),
    'cells': ('Cells', 'Cells under a microscope', 'Клетки', 'Клетки под микроскопом'),
    'orange': ('Orange', 'Orange, a fruit', 'Апельсин', 'Апельсин, фрукт'),
    'moon': ('Moon', 'Moon in the sky', 'Луна', 'Луна на небе'),
    'planet': ('Planet', 'Planet in space', 'Планета', 'Планета в космосе'),
    'sun': ('Sun', 'Sun in the sky', 'Солнце', 'Солнце на небе'),
    'stars': ('Stars', 'Stars in deep space', 'Звёзды', 'Звёзды в глубоком космосе'),
    'cup': ('Cup', 'Cup with a drink', 'Чашка', 'Чашка с напитком'),
    'marble': ('Marble', 'Marble, a glass ball', 'Шарик', 'Шарик из стекла'),
    'ball': ('Ball', 'Ball, a toy', 'Мяч', 'Мяч, игрушка'),
    'logo': ('Logo', 'Logo or sign', 'Логотип', 'Логотип или знак'),
    'text': ('Text', 'Text on a page', 'Текст', 'Текст на странице'),
    'texture': ('Texture', 'Texture of a surface', 'Текстура', 'Текстура поверхности'),
    'noise': ('Noise', 'Noise without any picture', 'Шум', 'Шум без изображения'),
    'blank': ('Blank', 'Blank image of one colour', 'Пусто', 'Пусто, один цвет'),
    'abstract': ('Abstract', 'Abstract pattern of shapes', 'Абстракция', 'Абстракция, узор из фигур'),
    'person': ('Person', 'Person, a portrait', 'Человек', 'Человек, портрет'),
    'animal': ('Animal', 'Animal', 'Животное', 'Животное'),
    'bird': ('Bird', 'Bird', 'Птица', 'Птица'),
    'insect': ('Insect', 'Insect', 'Насекомое', 'Насекомое'),
    'flower': ('Flower', 'Flower', 'Цветок', 'Цветок'),
    'plant': ('Plant', 'Plant', 'Растение', 'Растение'),
    'food': ('Food', 'Food', 'Еда', 'Еда'),
    'building': ('Building', 'Building', 'Здание', 'Здание'),
    'vehicle': ('Vehicle', 'Vehicle', 'Транспорт', 'Транспорт'),
    'object': ('Object', 'Object', 'Предмет', 'Предмет'),
    'coin': ('Coin', 'Coin, money', 'Монета', 'Монета, деньги'),
    'clock': ('Clock', 'Clock', 'Часы', 'Часы'),
    'landscape': ('Landscape', 'Landscape', 'Пейзаж', 'Пейзаж'),
    'sky': ('Sky', 'Sky with clouds', 'Небо', 'Небо с облаками'),
}
KIND_NAMES = list(KINDS)
MEDICAL = {'oct', 'angiogram', 'eye', 'xray', 'skin', 'histology', 'ultrasound', 'ct', 'cells'}

EYE = {'en': {'OD': 'right', 'OS': 'left'}, 'ru': {'OD': 'правого', 'OS': 'левого'}}
EYE_SHORT = {'en': {'OD': 'Right eye.', 'OS': 'Left eye.'}, 'ru': {'OD': 'Правый глаз.', 'OS': 'Левый глаз.'}}
FINDING = {
    'en': {'microaneurysms': 'microaneurysms', 'haemorrhages': 'blot haemorrhages', 'flame': 'flame haemorrhages', 'exudates': 'hard exudates',
           'cotton-wool': 'cotton wool spots', 'drusen': 'drusen', 'laser': 'laser scars', 'neovascular': 'new vessels', 'crescent': 'myopic crescent'},
    'ru': {'microaneurysms': 'микроаневризмы', 'haemorrhages': 'пятнистые кровоизлияния', 'flame': 'штриховые кровоизлияния',
           'exudates': 'твёрдые экссудаты', 'cotton-wool': 'ватообразные очаги', 'drusen': 'друзы', 'laser': 'лазерные рубцы',
           'neovascular': 'новообразованные сосуды', 'crescent': 'миопический конус'},
}
ZONE = {
    'en': {'macula': 'in the macula', 'disc': 'at the optic disc', 'superotemporal': 'upper temporal', 'inferotemporal': 'lower temporal',
           'superonasal': 'upper nasal', 'inferonasal': 'lower nasal', 'all': 'scattered'},
    'ru': {'macula': 'в макуле', 'disc': 'у диска', 'superotemporal': 'сверху темпорально', 'inferotemporal': 'снизу темпорально',
           'superonasal': 'сверху назально', 'inferonasal': 'снизу назально', 'all': 'рассеянно'},
}
CDR = {'en': {'small': 'small', 'medium': 'medium', 'large': 'large'}, 'ru': {'small': 'малая', 'medium': 'средняя', 'large': 'большая'}}
CONCLUSION = {
    'en': {'proliferative': 'proliferative diabetic retinopathy', 'treated': 'diabetic retinopathy after laser', 'diabetic': 'diabetic retinopathy',
           'mild': 'mild diabetic retinopathy', 'vascular': 'vascular retinopathy', 'amd': 'early macular degeneration', 'myopia': 'myopic changes',
           'glaucoma': 'glaucoma suspected', 'none': 'no retinopathy'},
    'ru': {'proliferative': 'пролиферативная диабетическая ретинопатия', 'treated': 'диабетическая ретинопатия после лазера',
           'diabetic': 'диабетическая ретинопатия', 'mild': 'начальная диабетическая ретинопатия', 'vascular': 'сосудистая ретинопатия',
           'amd': 'ранняя макулярная дегенерация', 'myopia': 'миопические изменения', 'glaucoma': 'подозрение на глаукому', 'none': 'ретинопатии нет'},
}


def conclusions(truth) -> list[str]:
    """Conclusion keys that follow from the visible findings by fixed rules (not a clinical grading)."""
    f = {x['name'] for x in truth['findings']}
    out = []
    if 'neovascular' in f:
        out.append('proliferative')
    elif 'laser' in f:
        out.append('treated')
    elif f & {'microaneurysms', 'haemorrhages', 'exudates'}:
        out.append('mild' if not f & {'haemorrhages', 'exudates', 'cotton-wool', 'flame'} else 'diabetic')
    elif f & {'flame', 'cotton-wool'}:
        out.append('vascular')
    if 'drusen' in f:
        out.append('amd')
    if 'crescent' in f:
        out.append('myopia')
    if truth['cdr'] == 'large':
        out.append('glaucoma')
    return out or ['none']


UNKNOWN = '\0'  # an answer is only known up to here: the loss ends there, and the end of the answer is not taught


def cut(answer: str) -> str:
    """The known beginning of an answer, marked by UNKNOWN at its end; complete answers as they are."""
    return answer.split(UNKNOWN)[0].rstrip(' ') + UNKNOWN if UNKNOWN in answer else answer


def _findings(truth, lang, zones=True) -> str:
    names = FINDING[lang]
    if truth.get('real'):
        told = []
        for n in FINDINGS:
            known = truth['known'].get(n)
            if known:
                told.append(names[n])
            if known is None or (known and zones and n != 'crescent'):
                return ', '.join(told) + UNKNOWN
        return ', '.join(told) if told else ('no findings' if lang == 'en' else 'патологии нет')
    parts = [names[f['name']] + (' ' + ZONE[lang][f['zone']] if zones and f['name'] != 'crescent' else '') for f in truth['findings']]
    return ', '.join(parts) if parts else ('no findings' if lang == 'en' else 'патологии нет')


def describe(truth, lang) -> str:
    kind = truth['kind']
    if kind != 'fundus':
        return KINDS[kind][1 if lang == 'en' else 3] + '.'
    f = _findings(truth, lang)
    if truth['eye'] is None:
        return 'Fundus photograph' + UNKNOWN if lang == 'en' else 'Глазное дно' + UNKNOWN
    if truth['cdr'] is None:
        start = (f"Fundus photograph of the {EYE['en'][truth['eye']]} eye. Findings: {f}. Cup:" if lang == 'en' else
                 f"Глазное дно {EYE['ru'][truth['eye']]} глаза. Находки: {f}. Экскавация:")
        return cut(start + UNKNOWN)
    if lang == 'en':
        return f"Fundus photograph of the {EYE['en'][truth['eye']]} eye. Findings: {f}. Cup: {CDR['en'][truth['cdr']]}."
    return f"Глазное дно {EYE['ru'][truth['eye']]} глаза. Находки: {f}. Экскавация: {CDR['ru'][truth['cdr']]}."


def protocol(truth, lang) -> str:
    kind = truth['kind']
    if kind != 'fundus':
        return KINDS[kind][1 if lang == 'en' else 3] + ('. Not a fundus photograph.' if lang == 'en' else '. Это не глазное дно.')
    if truth['quality'] is None:
        start = 'Fundus photograph. Eye:' if lang == 'en' else 'Глазное дно. Глаз:'
        if truth['eye'] is None:
            return start + UNKNOWN
        eye = EYE['en'][truth['eye']] if lang == 'en' else 'правый' if truth['eye'] == 'OD' else 'левый'
        return f"{start} {eye}. {'Quality' if lang == 'en' else 'Качество'}:" + UNKNOWN
    good, pale = truth['quality'] == 'good', truth['pallor']
    f = _findings(truth, lang)
    c = ', '.join(CONCLUSION[lang][k] for k in conclusions(truth))
    new = any(x['name'] == 'neovascular' for x in truth['findings'])
    mac = any(x['zone'] == 'macula' for x in truth['findings'])
    if lang == 'en':
        return (f"Fundus photograph. Eye: {EYE['en'][truth['eye']]}. Quality: {'good' if good else 'poor'}. "
                f"Optic disc: {'pale' if pale else 'pink'}, cup {CDR['en'][truth['cdr']]}. Vessels: {'new vessels' if new else 'normal'}. "
                f"Macula: {'changed' if mac else 'normal'}. Findings: {f}. Conclusion: {c}.")
    return (f"Глазное дно. Глаз: {'правый' if truth['eye'] == 'OD' else 'левый'}. Качество: {'хорошее' if good else 'плохое'}. "
            f"Диск: {'бледный' if pale else 'розовый'}, экскавация {CDR['ru'][truth['cdr']]}. Сосуды: {'новообразованные' if new else 'норма'}. "
            f"Макула: {'изменена' if mac else 'норма'}. Находки: {f}. Заключение: {c}.")


def one_word(truth, lang) -> str:
    return KINDS[truth['kind']][0 if lang == 'en' else 2]


def which_eye(truth, lang) -> str:
    if truth['kind'] != 'fundus':
        return 'Not a fundus photograph.' if lang == 'en' else 'Это не глазное дно.'
    if truth['eye'] is None:
        return UNKNOWN
    return EYE_SHORT[lang][truth['eye']]


def findings(truth, lang) -> str:
    if truth['kind'] != 'fundus':
        return which_eye(truth, lang)
    s = _findings(truth, lang, zones=False)
    return cut(s[0].upper() + s[1:] + '.')


def where(truth, lang) -> str:
    if truth['kind'] != 'fundus':
        return which_eye(truth, lang)
    s = _findings(truth, lang)
    return cut(s[0].upper() + s[1:] + '.')


def cup(truth, lang) -> str:
    if truth['kind'] != 'fundus':
        return which_eye(truth, lang)
    return UNKNOWN if truth['cdr'] is None else CDR[lang][truth['cdr']].capitalize() + '.'


def quality(truth, lang) -> str:
    if truth['kind'] != 'fundus':
        return which_eye(truth, lang)
    if truth['quality'] is None:
        return UNKNOWN
    good = truth['quality'] == 'good'
    return ('Good.' if good else 'Poor.') if lang == 'en' else ('Хорошее.' if good else 'Плохое.')


def conclusion(truth, lang) -> str:
    if truth['kind'] != 'fundus':
        return which_eye(truth, lang)
    if truth.get('real'):  # the grade alone: whether other conclusions follow it is unknown
        grade = 0 if truth['facts'].get('diabetic') is False else truth['grade']
        if grade is None:
            return UNKNOWN
        s = CONCLUSION[lang][['none', 'mild', 'diabetic', 'diabetic', 'proliferative'][grade]]
        return s[0].upper() + s[1:] + UNKNOWN
    s = ', '.join(CONCLUSION[lang][k] for k in conclusions(truth))
    return s[0].upper() + s[1:] + '.'


PRESETS = {
    'describe': {'en': 'Describe this image.', 'ru': 'Опишите это изображение.'},
    'one-word': {'en': 'What is this image? Answer with one word.', 'ru': 'Что это за изображение? Ответьте одним словом.'},
    'notebook': {'en': 'Descripte this image. Answer with one word.', 'ru': 'Опиши это изображение. Ответь одним словом.'},
    'protocol': {'en': 'Write a description protocol of this image.', 'ru': 'Составьте протокол описания этого изображения.'},
}
# task -> (answer function, weight, extra phrasings en, extra phrasings ru); presets come first
TASKS = {
    'describe': (describe, 3, ['Describe the picture.', 'What do you see?', 'What is shown here?', 'Describe what you see in this image.', 'What is in the photograph?'],
                 ['Опишите картинку.', 'Что вы видите?', 'Что здесь изображено?', 'Опиши это изображение.', 'Что на снимке?']),
    'one-word': (one_word, 2.5, ['What is this? One word.', 'Name the image in one word.', 'Answer with one word: what is this?'],
                 ['Что это? Одним словом.', 'Назовите изображение одним словом.', 'Ответьте одним словом: что это?']),
    'notebook': (one_word, 1, [], []),
    'protocol': (protocol, 1.5, ['Write a protocol.', 'Give a structured report of this image.'], ['Напишите протокол.', 'Дайте протокол по этому снимку.']),
    'eye': (which_eye, 1.6, ['Which eye is this?', 'Is this the right or the left eye?', 'Right or left eye?'],
            ['Какой это глаз?', 'Это правый или левый глаз?', 'Правый или левый глаз?']),
    'findings': (findings, 1.5, ['Which findings are there?', 'List the findings.', 'What findings do you see?'],
                 ['Какие есть находки?', 'Перечислите находки.', 'Какие находки вы видите?']),
    'where': (where, 1, ['Which findings are there, and where?', 'Where are the findings?'], ['Какие находки и где?', 'Где находки?']),
    'cup': (cup, 0.8, ['How large is the cup of the optic disc?', 'What is the cup-to-disc ratio?'],
            ['Какова экскавация диска?', 'Каково отношение экскавации к диску?']),
    'quality': (quality, 0.4, ['How good is the image quality?', 'Is the quality good?'], ['Каково качество снимка?', 'Хорошее ли качество?']),
    'conclusion': (conclusion, 0.8, ['What is the conclusion?', 'Is there retinopathy?'], ['Какое заключение?', 'Есть ли ретинопатия?']),
}
TASK_NAMES = list(TASKS)
_WEIGHTS = [TASKS[t][1] for t in TASK_NAMES]


def phrasings(task, lang) -> list[str]:
    first = [PRESETS[task][lang]] if task in PRESETS else []
    return first + TASKS[task][2 if lang == 'en' else 3]


def sample_pairs(rng, truth, n, always=None) -> list[list[tuple[str, str, str]]]:
    """n units: the same task in English and in Russian, (task, question, answer) each, in random order; presets are asked about as
    often as all other phrasings together. always: a task that is among them."""
    out = []
    w = [v * (0.35 if truth['kind'] != 'fundus' and t not in PRESETS else 1) for t, v in zip(TASK_NAMES, _WEIGHTS)]
    total = sum(w)
    chosen = [str(t) for t in rng.choice(TASK_NAMES, size=n, replace=False, p=[v / total for v in w])]
    if always is not None and always not in chosen:
        chosen[0] = always
    for task in chosen:
        unit = []
        for lang in ('en', 'ru'):
            ps = phrasings(task, lang)
            i = 0 if task in PRESETS and rng.random() < 0.5 else int(rng.integers(len(ps)))
            unit.append((task, ps[i], TASKS[task][0](truth, lang)))
        if any(a == UNKNOWN for _, _, a in unit):
            continue
        out.append(unit[::-1] if rng.random() < 0.5 else unit)
    return out


# words that the tokenizer must know as single tokens
CONCEPT_WORDS = '''fundus retina retinal optic disc macula vessel vessels haemorrhage haemorrhages hemorrhage hemorrhages exudate exudates drusen cup
diabetic retinopathy glaucoma degeneration macular eye eyes photograph photo image x ray skin cat dog text moon orange artery vein fovea lesion scar
blood left right myopic laser microaneurysm microaneurysms nerve yellow red blank noise face animal
глазное глазного дно глаз глаза сетчатка сетчатки диск диска макула макулы макулярная сосуд сосуды сосуда кровоизлияние кровоизлияния экссудат экссудаты
друзы экскавация экскавации диабетическая ретинопатия глаукома глаукому дегенерация рентген кожа кошка собака текст луна апельсин чашка зрительный нерв
нерва микроаневризмы артерия вена фовеа снимок изображение лазерные лицо шум фотография'''.split()
assert set(FINDINGS) == set(FINDING['en']) == set(FINDING['ru'])
