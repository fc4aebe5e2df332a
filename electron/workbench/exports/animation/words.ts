const english = {
  layer: 'Layer {layer} of {last}',
  concept: 'On the photograph: “{concept}”',
  topToken: 'On the photograph: probability of each patch’s first token',
  noOverlay: 'No overlay',
  words: 'Position {position}:',
  caution:
    'Readable at a patch does not mean that it comes from there. Research software, no medical device.',
};

export type AnimationWords = typeof english;

const russian: AnimationWords = {
  layer: 'Слой {layer} из {last}',
  concept: 'На снимке: «{concept}»',
  topToken: 'На снимке: вероятность первого токена каждого фрагмента',
  noOverlay: 'Без наложения',
  words: 'Позиция {position}:',
  caution: 'Читается у фрагмента — не значит, что взято оттуда. Исследовательская программа, не медизделие.',
};

export const animationWords: Readonly<Record<'en' | 'ru', AnimationWords>> = { en: english, ru: russian };
