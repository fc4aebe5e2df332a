import { presetText } from '../../../bundled/prompt-presets.ts';
import type { Language } from '../../../bundled/prompt-presets.ts';
import { FundusLensError } from '../../../contract/errors.ts';
import { experimentFileSchema, mostNotebookPhotographs } from '../../../contract/experiments.ts';
import type { ExperimentFile } from '../../../contract/experiments.ts';

const words = {
  en: {
    title: 'The notebook’s experiment, and the corrected reading beside it',
    question: 'Is it readable, where the one-word answer begins, that the photograph shows an eye’s fundus?',
  },
  ru: {
    title: 'Эксперимент из блокнота и исправленное чтение рядом',
    question: 'Читается ли там, где начинается ответ из одного слова, что на снимке глазное дно?',
  },
} as const;

/**
 * The experiment of the notebook that this project grew from: the raw lens as it was used there, and the logit lens with
 * controls beside it. Photographs are shown as large as there, 1026 × 684 pixels, in their own shape.
 */
export function notebookExperiment(
  photographs: ExperimentFile['photographs'],
  model: ExperimentFile['models'][number],
  language: Language = 'en',
): ExperimentFile {
  return experimentFileSchema.parse({
    schema: 'fundus-lens.experiment/1',
    ...words[language],
    photographs,
    models: [model],
    prompts: [presetText('notebook', 'en')],
    lenses: ['raw', 'logit'],
    maxPixels: 1026 * 684,
    topK: 5,
    hypotheses: [{ concept: 'retina', expect: 'readable', share: 0.5 }],
  });
}

/** @throws FundusLensError `input.invalid` for more photographs than the notebook had */
export function requireNotebookSize(photographs: number): void {
  if (photographs <= mostNotebookPhotographs) return;
  throw new FundusLensError('input.invalid', 'These are more photographs than the experiment takes.', {
    expected: `at most ${mostNotebookPhotographs}, as in the notebook`,
    found: String(photographs),
    advice: 'Take fewer; or write the experiment as a file with --write, or begin a new one in the window.',
  });
}
