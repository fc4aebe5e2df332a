import { rm } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ModelOrigin, PrepareChoices } from '../../contract/models/models.ts';
import type { PrepareProgress, PrepareRequest } from '../../contract/models/prepared-model.ts';
import type { ModelStore } from '../../model-hub/model-store.ts';
import { readPrepared } from '../../model-hub/prepared-folder.ts';
import { requireDisk } from '../../model-hub/room.ts';
import type { StoredModel } from '../../store/models.ts';
import type { WorkHooks } from '../../tasks/queued-work.ts';
import type { TaskPlan } from '../../tasks/task-plan.ts';
import type { ModelTools } from './model-tools.ts';
import { folderOf } from './model-state.ts';
import { addModel } from './stored-models.ts';
import { languages, presetText } from '../../bundled/prompt-presets.ts';
import { calibrationImages } from './own-images.ts';

/** Not among them, for judging: "describe". */
const calibrationPresets = ['one-word', 'protocol', 'notebook'];

/**
 * Writes a model's weights in another format, into the store. The engine does it in a process of its own, which keeps
 * what is finished in a folder beside the target; the store remembers what was asked for.
 *
 * @throws FundusLensError `model.not-found`, `input.invalid` for what is prepared already
 */
export async function preparePlan(
  tools: ModelTools,
  store: ModelStore,
  modelId: number,
  choices: PrepareChoices,
): Promise<TaskPlan> {
  const model = tools.session.library.models.get(modelId);
  const source = folderOf(model);
  if (readPrepared(source) !== null) {
    throw new FundusLensError('input.invalid', 'These weights are prepared already.', {
      expected: 'the checkpoint that they were made from',
      found: model.name,
      advice: 'Prepare the original checkpoint in the other format.',
    });
  }
  const name = nameOfPrepared(model.name, choices);
  const target = store.pathOf(name);
  if ((await store.find(target)) !== null) {
    throw new FundusLensError('input.invalid', 'This model is prepared in this way already.', {
      found: name,
      advice: 'Use it, or remove it first to make it anew.',
    });
  }
  const partial = store.partialOf(name);
  const createdAt = new Date().toISOString();
  const origin: ModelOrigin = { kind: 'prepared', folder: source, sourceSha256: model.sha256 };
  const id = `model-prepare:${path.basename(target)}`;
  const { format, blockSize, symmetric, calibrated, keep } = choices;
  return {
    id,
    kind: 'model-prepare',
    title: { model: name },
    modelId,
    createdAt,
    resumable: true,
    repeatable: true,
    remember: (state, problem) =>
      partial.writeState({
        schema: 'fundus-lens.partial/1',
        id,
        kind: 'prepare',
        name,
        origin,
        files: [],
        prepare: { format, blockSize, symmetric, calibrated, keep, modelId },
        state,
        problem,
        startedAt: createdAt,
      }),
    discard: async () => {
      await store.remove(partial.path);
      await rm(`${target}.preparing`, { recursive: true, force: true });
    },
    run: async (hooks) => {
      await partial.lock();
      try {
        await requireDisk(store.folder, estimateOf(model, choices));
        await tools.engines.prepare(
          requestOf(source, target, choices, tools.folders.samples),
          engineHooks(hooks),
        );
        hooks.onProgress('check', 0, 1);
        const report = await tools.engines.inspect(target, { signal: hooks.signal });
        const installed = await store.activate(target, name, { name, origin, report });
        await store.remove(partial.path);
        const made = await addModel(tools, installed.folder, { name, report: installed.report });
        return made.id;
      } finally {
        partial.unlock();
      }
    },
  };
}

/** Equal names are made in the same way from the same model. */
function nameOfPrepared(name: string, choices: PrepareChoices): string {
  const { format, blockSize, symmetric, calibrated, keep } = choices;
  const usual = format === 'int4' ? 'int8' : 'float16';
  const parts = [
    name,
    format,
    ...(format === 'float16' || blockSize === 32 ? [] : [`b${blockSize}`]),
    ...(symmetric && format !== 'float16' ? ['symmetric'] : []),
    ...(calibrated || format !== 'int4' ? [] : ['uncalibrated']),
    ...(keep.unembedding === undefined || keep.unembedding === usual ? [] : [`head-${keep.unembedding}`]),
    ...(keep.vision === undefined || keep.vision === usual ? [] : [`vision-${keep.vision}`]),
  ];
  return parts.join('-');
}

function requestOf(
  source: string,
  target: string,
  { format, blockSize, symmetric, calibrated, keep }: PrepareChoices,
  samples: string,
): PrepareRequest {
  const { unembedding, vision } = keep;
  const images = format === 'int4' && calibrated ? calibrationImages(samples) : [];
  const prompts = calibrationPresets.flatMap((id) => languages.map((language) => presetText(id, language)));
  return {
    source,
    target,
    format,
    ...(format === 'float16' ? {} : { blockSize, symmetric }),
    ...(images.length === 0 ? {} : { calibration: { images, prompts } }),
    keep: {
      ...(unembedding === undefined ? {} : { unembedding }),
      ...(vision === undefined ? {} : { vision }),
    },
  };
}

function estimateOf({ report }: StoredModel, { format }: PrepareChoices): number {
  return report?.estimates.find((estimate) => estimate.format === format)?.diskBytes ?? 0;
}

function engineHooks({ signal, onProgress }: WorkHooks) {
  return {
    signal,
    onProgress: ({ stage, done, total }: PrepareProgress) =>
      onProgress(stage === 'verify' ? 'check' : stage, done, total),
  };
}
