import { presetText } from '../../bundled/prompt-presets.ts';
import { experimentFileSchema } from '../../contract/experiments.ts';
import type { ExperimentFile } from '../../contract/experiments.ts';

/** Photographs that the notebook had. */
export const mostPhotographs = 15;

/**
 * The experiment of the notebook that this project grew from: the raw lens as it was used there, and the logit lens with
 * controls beside it. Photographs are shown as large as there, 1026 × 684 pixels, in their own shape.
 */
export function notebookExperiment(
  photographs: ExperimentFile['photographs'],
  model: ExperimentFile['models'][number],
): ExperimentFile {
  return experimentFileSchema.parse({
    schema: 'fundus-lens.experiment/1',
    title: 'The notebook’s experiment, and the corrected reading beside it',
    question: 'Is it readable, where the one-word answer begins, that the photograph shows an eye’s fundus?',
    photographs,
    models: [model],
    prompts: [presetText('notebook', 'en')],
    lenses: ['raw', 'logit'],
    maxPixels: 1026 * 684,
    topK: 5,
    hypotheses: [{ concept: 'retina', expect: 'readable', share: 0.5 }],
  });
}
