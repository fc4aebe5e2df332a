import { FundusLensError } from '../../contract/errors.ts';
import type { FidelityRequest } from '../../engine/lens-trace/fidelity-report.ts';
import { readPrepared } from '../../model-hub/prepared-folder.ts';
import type { TaskPlan } from '../../tasks/task-plan.ts';
import { builtInConceptSets } from '../../bundled/concept-sets.ts';
import type { ModelTools } from './model-tools.ts';
import { folderOf } from './model-state.ts';
import { presetText } from '../../bundled/prompt-presets.ts';
import { judgedImages } from './own-images.ts';

export interface VerifyChoices {
  /** The model that it was prepared from; found by its hash when left out. */
  readonly referenceId?: number | undefined;
  /** Images of the library; the software's own photographs when left out. */
  readonly imageIds?: readonly number[] | undefined;
  /** Two presets when left out. */
  readonly prompts?: readonly string[] | undefined;
}

/**
 * Measures how true a prepared model's numbers are, in a process of its own.
 *
 * @throws FundusLensError `input.invalid` for a model that was not prepared, `model.not-found` without its original
 */
export function verifyPlan(tools: ModelTools, modelId: number, choices: VerifyChoices): TaskPlan {
  const { library } = tools.session;
  const model = library.models.get(modelId);
  const prepared = folderOf(model);
  const made = readPrepared(prepared);
  if (made === null) {
    throw new FundusLensError(
      'input.invalid',
      'Only prepared weights differ from those of their checkpoint.',
      {
        expected: 'a model that was prepared',
        found: model.name,
        advice: 'Nothing has to be measured: this model is computed with its own weights.',
      },
    );
  }
  const reference =
    choices.referenceId === undefined
      ? library.models.findBySha256(made.sourceSha256)
      : library.models.get(choices.referenceId);
  if (reference === undefined || reference.sha256 !== made.sourceSha256) {
    throw new FundusLensError(
      'model.not-found',
      'The checkpoint that this model was made from is not here.',
      {
        expected: `${made.sourceName}, SHA-256 ${made.sourceSha256}`,
        found: reference === undefined ? 'no such model' : `${reference.name}, SHA-256 ${reference.sha256}`,
        advice: 'Add the checkpoint again, then verify.',
      },
    );
  }
  const request: FidelityRequest = {
    prepared,
    reference: folderOf(reference),
    images:
      choices.imageIds === undefined
        ? judgedImages(tools.folders.samples)
        : choices.imageIds.map((id) => library.images.readableFile(library.images.get(id))),
    prompts: choices.prompts ?? [presetText('one-word', 'en'), presetText('describe', 'en')],
    conceptSet: builtInConceptSets[0]!,
  };
  return {
    id: `model-verify:${modelId}`,
    kind: 'model-verify',
    title: { model: model.name },
    modelId,
    createdAt: new Date().toISOString(),
    resumable: false,
    repeatable: true,
    run: async ({ signal, onProgress }) => {
      await tools.engines.verify(request, {
        signal,
        onProgress: ({ stage, done, total }) => onProgress(stage, done, total),
      });
      tools.events.publish({ type: 'models' });
      return modelId;
    },
  };
}
