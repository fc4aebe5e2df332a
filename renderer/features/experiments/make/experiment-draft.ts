import { experimentFileSchema, experimentFormat } from '../../../../electron/contract/experiments.ts';
import type { ExperimentDraft, ExperimentFile } from '../../../../electron/contract/experiments.ts';
import type { Model } from '../../../../electron/contract/models/models.ts';

type Hypothesis = ExperimentFile['hypotheses'][number];

/** A hypothesis while it is edited. */
export interface HypothesisDraft {
  readonly key: number;
  concept: string;
  expect: Hypothesis['expect'];
  /** null for any layer. */
  by: number | null;
  /** Of patients, 1…99. */
  percent: number;
}

/** An experiment while it is edited; photographs are chosen beside it. */
export interface FormDraft {
  title: string;
  question: string;
  prompts: string[];
  modelIds: number[];
  lenses: ExperimentFile['lenses'];
  conceptSetId: string;
  hypotheses: HypothesisDraft[];
  positions: ExperimentFile['positions'];
  maxPixels: number | null;
  topK: number;
  controls: boolean;
  level: number;
  samples: number;
  seed: number;
}

let lastKey = 0;

export function newHypothesis(concept: string): HypothesisDraft {
  return { key: ++lastKey, concept, expect: 'readable', by: null, percent: 50 };
}

/** The defaults of the contract, so that window and terminal begin with the same. */
export function emptyDraft(prompt: string, modelId: number | null): FormDraft {
  const file = experimentFileSchema.parse({
    schema: experimentFormat,
    title: '-',
    photographs: { group: '-' },
    prompts: [prompt === '' ? '-' : prompt],
  });
  return {
    ...fromFile(file, []),
    title: '',
    prompts: prompt === '' ? [] : [prompt],
    modelIds: modelId === null ? [] : [modelId],
  };
}

/** A file as the form shows it; models that are not here are left out. */
export function fromFile(file: ExperimentFile, models: readonly Pick<Model, 'id' | 'sha256'>[]): FormDraft {
  const { title, question, prompts, lenses, positions, maxPixels, topK, controls, statistics } = file;
  const modelIds = file.models.flatMap((wanted) =>
    typeof wanted === 'object' && 'sha256' in wanted
      ? (models.find(({ sha256 }) => sha256 === wanted.sha256)?.id ?? [])
      : [],
  );
  return {
    ...{ title, question, prompts: [...prompts], modelIds, lenses: [...lenses], positions, maxPixels, topK },
    ...{ controls, level: statistics.level, samples: statistics.samples, seed: statistics.seed },
    conceptSetId: file.concepts,
    hypotheses: file.hypotheses.map(({ concept, expect, by, share }) => ({
      ...{ key: ++lastKey, concept, expect, by, percent: Math.round(100 * share) },
    })),
  };
}

/** The form as a file whose photographs are still to be written into it. */
export function toFile(
  form: FormDraft,
  models: readonly Pick<Model, 'id' | 'sha256' | 'name'>[],
): ExperimentDraft {
  const { title, question, lenses, positions, maxPixels, topK, controls, hypotheses } = form;
  return {
    schema: experimentFormat,
    ...{ title: title.trim(), question: question.trim(), lenses, positions, maxPixels, topK },
    prompts: writtenPrompts(form.prompts),
    models: form.modelIds.flatMap((id) => {
      const model = models.find((each) => each.id === id);
      return model === undefined ? [] : [{ sha256: model.sha256, name: model.name }];
    }),
    controls: controls || hypotheses.length > 0,
    concepts: form.conceptSetId,
    hypotheses: hypotheses.map(({ concept, expect, by, percent }) => ({
      ...{ concept, expect, by, share: percent / 100 },
    })),
    statistics: { level: form.level, samples: form.samples, seed: form.seed },
  };

  function writtenPrompts(all: readonly string[]): string[] {
    return [...new Set(all.map((prompt) => prompt.trim()))].filter((prompt) => prompt !== '');
  }
}
