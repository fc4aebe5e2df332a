import type { TraceWarning } from './warnings.ts';

type Language = 'en' | 'ru';

const words = {
  en: {
    'prompt-names-concepts':
      'The prompt itself names: {concepts}. What is readable here may come from the prompt and not from the image.',
    'provider-fallback': 'Computed on {provider} instead of auto: {reason}.',
    'graphs-in-turn':
      'The parts of the model were loaded into the memory of the device one after another: it does not hold them together.',
    'deep-stack':
      'DeepStack: at the image’s positions this model adds features of earlier blocks of the vision tower after each of its first decoder blocks. Layers 1 to {blocks} hold them; hidden_states of transformers are taken before they are added.',
    'raw-lens':
      'Raw lens: the unembedding is applied without the final norm. It is here only to reproduce earlier notebooks; do not draw conclusions from it.',
    'fitted-lens':
      'Read through the fitted lens “{lens}”: early words may be what its own photographs have in common and not what the model holds there. Only the comparison with controls tells.',
    'jacobian-lens':
      'Read through the Jacobian lens “{lens}”: a state is multiplied by the mean Jacobian of the last layer with respect to this one, over the lens’s own prompts. It shows what the state tends to bring about at the end, to first order and on average, not what is made of it for this image. Only the comparison with controls tells what comes from the image.',
    'lens-layers-missing':
      'The lens “{lens}” has no matrix for these layers, which are read by the logit lens: {layers}.',
    'lens-other-prompt':
      'The lens “{lens}” was fitted with another prompt; how close it reads to the end was not measured with this one.',
    'lens-fitted-on-image':
      'This image is among those that the lens “{lens}” was fitted on: it reads it better than other images.',
  },
  ru: {
    'prompt-names-concepts':
      'Запрос сам называет: {concepts}. Читаемое здесь может исходить из запроса, а не из снимка.',
    'provider-fallback': 'Вычислено на {provider}; более быстрые вычислители здесь недоступны: {reason}.',
    'graphs-in-turn':
      'Части модели загружались в память устройства по очереди: вместе они в неё не помещаются.',
    'deep-stack':
      'DeepStack: в позициях изображения эта модель после каждого из первых блоков декодера прибавляет признаки более ранних блоков зрительной башни. Слои с 1 по {blocks} содержат их; hidden_states в transformers берутся до этого сложения.',
    'raw-lens':
      'Сырая линза: выходная матрица применена без финальной нормализации. Она нужна только для воспроизведения прежних блокнотов Jupyter; выводов по ней делать нельзя.',
    'fitted-lens':
      'Прочитано подобранной линзой «{lens}»: слова ранних слоёв могут быть общими для её снимков, а не содержаться в состоянии модели. Различить это позволяет только сравнение с контролями.',
    'jacobian-lens':
      'Прочитано линзой Якоби «{lens}»: состояние умножается на среднюю по её запросам матрицу Якоби последнего слоя по этому слою. Видно, к чему состояние клонит ответ в первом приближении и в среднем, а не то, что модель делает с ним на этом снимке. Что из этого идёт от снимка, показывает только сравнение с контролями.',
    'lens-layers-missing':
      'У линзы «{lens}» нет матриц для этих слоёв, они прочитаны логит-линзой: {layers}.',
    'lens-other-prompt':
      'Линза «{lens}» подобрана с другим запросом; её погрешность с этим запросом не измерялась.',
    'lens-fitted-on-image':
      'Этот снимок — один из тех, на которых подбиралась линза «{lens}»: его она читает лучше, чем другие снимки.',
  },
} as const;

/** Reasons in our own words; those of a driver or of the runtime stay as they are. */
const russianReasons: readonly (readonly [pattern: RegExp, words: string])[] = [
  [/^the CUDA library of ONNX Runtime is not installed$/, 'библиотека CUDA для ONNX Runtime не установлена'],
  [
    /^(.*) is a program on the processor, slower than the processor itself$/,
    '$1 — программа на процессоре, она медленнее самого процессора',
  ],
  [
    /^.*(?:No supported adapters|Failed to get a WebGPU adapter).*$/,
    'подходящего графического процессора нет',
  ],
  [/^.*no CUDA-capable device.*$/, 'видеокарты с CUDA нет'],
];

/** Why better providers were not used, as a model and a trace tell it: `provider: reason; provider: reason`. */
export function fallbackReason(reason: string, language: Language): string {
  if (language === 'en') return reason;
  return reason
    .split('; ')
    .map((part) => {
      const [, provider = '', why = part] = /^(cuda: |webgpu: )?(.*)$/s.exec(part) ?? [];
      const [pattern, words] = russianReasons.find(([known]) => known.test(why)) ?? [/^$/, ''];
      return provider + why.replace(pattern, words);
    })
    .join('; ');
}

/**
 * A warning in words, for every face and export.
 *
 * @param nameOf how a concept is called, by its id
 */
export function warningText(
  warning: TraceWarning,
  language: Language,
  nameOf: (conceptId: string) => string = (id) => id,
): string {
  const sentences = words[language];
  switch (warning.code) {
    case 'other':
      return warning.text;
    case 'prompt-names-concepts':
      return sentences[warning.code].replace('{concepts}', () =>
        warning.params.concepts.map(nameOf).join(', '),
      );
    case 'provider-fallback':
      return sentences[warning.code]
        .replace('{provider}', () => warning.params.provider)
        .replace('{reason}', () => fallbackReason(warning.params.reason, language));
    case 'deep-stack':
      return sentences[warning.code].replace('{blocks}', () => String(warning.params.blocks));
    case 'lens-layers-missing':
      return sentences[warning.code]
        .replace('{lens}', () => warning.params.lens)
        .replace('{layers}', () => warning.params.layers.join(', '));
    case 'fitted-lens':
    case 'jacobian-lens':
    case 'lens-other-prompt':
    case 'lens-fitted-on-image':
      return sentences[warning.code].replace('{lens}', () => warning.params.lens);
    default:
      return sentences[warning.code];
  }
}
