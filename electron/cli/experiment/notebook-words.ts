const english = {
  title: 'The notebook’s experiment, and the corrected reading beside it',
  notice:
    'This is research software and no medical device. What is readable at a layer need not be used by the model.',
  photographs: 'Photographs',
  model: 'Model',
  prompt: 'Prompt',
  software: 'Software',
  notTraced: 'Not traced',
  subject:
    '{label} is readable at the answer in {readable} of {n} photographs{layers}; not readable in {not}{open}.',
  subjectLayers: ', from these layers on (photographs): {layers}',
  subjectOpen: '; not asked in {open}',
  subjectControls: 'Each was compared with at least {controls} controls; the rule is in docs/lens.md.',
  subjectUnknown: 'The concept set names no concept for the first question.',
  raw: 'As the notebook draws it: raw lens, i-th largest probability',
  rawNote:
    'Hidden states without the final norm, except at the last layer, where it is applied. A curve is the i-th largest probability of each layer, averaged over the photographs, and is labelled with the token of that rank at the last layer.',
  corrected: 'Corrected: logit lens, the leading token of each layer',
  correctedNote:
    'The final norm is applied at every layer; the token is the one that leads there, not the last layer’s.',
  difference:
    'What differs: before the last layer, the first curve’s token is the token of its label in {same} of {cells} photographs and layers. A rise of that curve therefore does not show that the model has the word; only a token that is followed does.',
  rank: 'Rank',
  label: 'Label (last layer)',
  ofImages: 'photographs',
  layer: 'Layer',
  token: 'Leading token',
  leads: 'leads in',
  probability: 'Mean probability of the leading token',
  axis: 'Mean probability',
};

export type NotebookWords = typeof english;

const russian: NotebookWords = {
  title: 'Эксперимент исходного ноутбука и исправленное чтение рядом',
  notice:
    'Это исследовательская программа, а не медицинское изделие. То, что читается на слое, модель не обязательно использует.',
  photographs: 'Снимки',
  model: 'Модель',
  prompt: 'Запрос',
  software: 'Программа',
  notTraced: 'Без трассы',
  subject: '«{label}» читается в ответе на {readable} из {n} снимков{layers}; не читается на {not}{open}.',
  subjectLayers: ', начиная со слоёв (снимков): {layers}',
  subjectOpen: '; вопрос не ставился на {open}',
  subjectControls:
    'Каждый снимок сравнивался не менее чем с {controls} контролями; правило — в docs/lens.md.',
  subjectUnknown: 'В наборе понятий не указано, о каком из них первый вопрос.',
  raw: 'Как в ноутбуке: сырая линза, i-я по величине вероятность',
  rawNote:
    'Скрытые состояния без последней нормировки (кроме последнего слоя, где она выполнена). Кривая — i-я по величине вероятность каждого слоя, средняя по снимкам; подписана токеном этого ранга на последнем слое.',
  corrected: 'Исправлено: логит-линза, ведущий токен каждого слоя',
  correctedNote:
    'Последняя нормировка выполнена на каждом слое; токен — тот, что впереди на этом слое, а не на последнем.',
  difference:
    'В чём разница: до последнего слоя токен первой кривой совпадает с её подписью в {same} из {cells} случаев (снимок × слой). Поэтому подъём этой кривой не показывает, что модель располагает этим словом; показывает только прослеженный токен.',
  rank: 'Ранг',
  label: 'Подпись (последний слой)',
  ofImages: 'снимков',
  layer: 'Слой',
  token: 'Ведущий токен',
  leads: 'впереди на',
  probability: 'Средняя вероятность ведущего токена',
  axis: 'Средняя вероятность',
};

export const notebookWords: Readonly<Record<'en' | 'ru', NotebookWords>> = { en: english, ru: russian };
