import { z } from 'zod';
import {
  lensChoiceSchema,
  positionSelectionSchema,
  fittedOf,
  type LensChoice,
} from '../../../engine/lens-trace/trace-request.ts';
import { readabilityRule } from '../../../engine/readability/rule.ts';
import { FundusLensError } from '../../../contract/errors.ts';
import { experimentFileSchema, hypothesisSchema } from '../../../contract/experiments.ts';
import type {
  ExperimentFile,
  ExperimentFileInput,
  experimentDraftSchema,
} from '../../../contract/experiments.ts';
import { sha256Schema } from '../../../contract/ids.ts';
import type { ImageChoice } from '../../../contract/image-query.ts';
import { canonicalJson, sha256Hex } from '../../../store/database/canonical-json.ts';
import type { StoredExperiment } from '../../../store/experiments/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { findConceptSet } from '../../concepts/stored-concept-sets.ts';
import { chosenImages } from '../../traces/enqueue.ts';

/** What was fixed before the run, by content: nothing in it means something else on another computer or day. */
export const planSchema = z.strictObject({
  schema: z.literal('fundus-lens.experiment-plan/1'),
  question: z.string(),
  photographs: z.array(sha256Schema),
  models: z.array(sha256Schema),
  prompts: z.array(z.string()),
  lenses: z.array(lensChoiceSchema),
  positions: positionSelectionSchema,
  maxPixels: z.number().nullable(),
  topK: z.number(),
  controls: z.boolean(),
  conceptSetSha256: sha256Schema,
  hypotheses: z.array(hypothesisSchema),
  statistics: experimentFileSchema.shape.statistics.unwrap(),
  /** Of readability. */
  rule: z.string(),
});

export type Plan = z.output<typeof planSchema>;

/**
 * Fixes the plan of an experiment.
 *
 * @param modelSha256s of the file's models, in their order
 * @param images       what the file's `photographs` stand for; looked up in the library when left out
 * @throws FundusLensError `experiment.invalid` for a concept that the set does not have, or of no photographs;
 *   `experiment.changed` when the file was changed after it was fixed
 */
export function fixPlan(
  library: Library,
  file: ExperimentFile,
  modelSha256s: readonly string[],
  images?: ImageChoice,
): StoredExperiment {
  const { set } = findConceptSet(library, file.concepts);
  const known = new Set(set.concepts.map(({ id }) => id));
  const unknown = file.hypotheses.find(({ concept }) => !known.has(concept));
  if (unknown !== undefined)
    throw invalid(
      'A hypothesis is about a concept that is not in the set.',
      [...known].join(', '),
      unknown.concept,
    );
  if (file.hypotheses.length > 0 && (!file.controls || !file.lenses.includes('logit')))
    throw invalid(
      'Hypotheses are judged by the logit lens against controls.',
      'controls: true, and logit among the lenses',
      `controls: ${file.controls}, lenses: ${file.lenses.join(', ')}`,
    );
  const photographs = photographsOf(library, file, images);
  const conceptSetId = library.conceptSets.ensure(set);
  const lenses = file.lenses.map((lens) => fixLens(library, lens, modelSha256s));
  const { question, prompts, positions, maxPixels, topK, controls, hypotheses, statistics } = file;
  const plan: Plan = {
    schema: 'fundus-lens.experiment-plan/1',
    ...{ question, photographs, models: [...modelSha256s], prompts: [...new Set(prompts)] },
    ...{ lenses: [...new Set(lenses)], positions, maxPixels, topK, controls, hypotheses, statistics },
    conceptSetSha256: library.conceptSets.get(conceptSetId).sha256,
    rule: readabilityRule.id,
  };
  const text = canonicalJson(plan);
  if (file.fixed !== undefined && file.fixed.sha256 !== sha256Hex(text))
    throw new FundusLensError('experiment.changed', 'This is not the plan that was fixed.', {
      expected: `the plan with SHA-256 ${file.fixed.sha256}`,
      found: `${sha256Hex(text)}: the file, its photographs, its model or its concepts are others`,
      advice: 'Take back what was changed, or take `fixed` out of the file to make another experiment of it.',
    });
  return library.experiments.add({ title: file.title, document: JSON.stringify(file), conceptSetId }, text);
}

export function planOf({ plan }: StoredExperiment): Plan {
  return planSchema.parse(JSON.parse(plan));
}

/** The experiment as a file for another computer or day: photographs and models by content, and what was fixed. */
export function fileOf(library: Library, stored: StoredExperiment): ExperimentFile {
  const plan = planOf(stored);
  const file = experimentFileSchema.parse(JSON.parse(stored.document));
  const models = plan.models.map((sha256, index) => {
    const written = file.models[index];
    if (written === 'bundled') return written;
    return { sha256, name: library.models.findBySha256(sha256)?.name };
  });
  const described: ExperimentFileInput = {
    ...file,
    title: stored.title,
    photographs: { sha256: plan.photographs },
    models,
    lenses: plan.lenses,
    fixed: { sha256: stored.planSha256, at: stored.createdAt },
  };
  return experimentFileSchema.parse(described);
}

/** The draft as a whole file: what was chosen in the library stands in it by content. */
export function withPhotographs(
  library: Library,
  file: z.output<typeof experimentDraftSchema>,
  images: ImageChoice | undefined,
): ExperimentFile {
  const { photographs } = file;
  if (photographs !== undefined) return { ...file, photographs };
  if (images === undefined) throw noPhotographs();
  return { ...file, photographs: photographsOfIds(library, chosenImages(library, images)) };
}

/** @throws FundusLensError `experiment.invalid` when there are none */
export function photographsOfIds(library: Library, ids: readonly number[]): ExperimentFile['photographs'] {
  if (ids.length === 0) throw noPhotographs();
  return { sha256: [...new Set(ids.map((id) => library.images.get(id).sha256))].sort() };
}

function noPhotographs(): FundusLensError {
  return invalid('There are no photographs.', 'at least one photograph', 'none');
}

/** A lens by the content of its file; every model of the experiment has to be the one that it was fitted to. */
function fixLens(
  library: Library,
  lens: ExperimentFile['lenses'][number],
  modelSha256s: readonly string[],
): LensChoice {
  if (lens === 'logit' || lens === 'raw') return lens;
  const { kind, which } = fittedOf(lens)!;
  const found = library.lenses.findByName(which) ?? library.lenses.findBySha256(which);
  if (found === undefined || found.description.kind !== kind)
    throw invalid(
      'There is no such fitted lens.',
      library.lenses
        .list()
        .map(({ name, description }) => `"${description.kind}:${name}"`)
        .join(', ') || 'a fitted lens of the library',
      `"${lens}"`,
    );
  const other = modelSha256s.find((sha256) => sha256 !== found.modelSha256);
  if (other !== undefined)
    throw invalid(
      `The lens "${found.name}" reads one model only.`,
      `${found.description.model.id} (${found.modelSha256.slice(0, 12)}…) alone`,
      `a model with SHA-256 ${other}`,
    );
  return `${kind}:${found.sha256}`;
}

/** SHA-256 of the photographs, ascending, so that their order decides nothing. */
function photographsOf(library: Library, file: ExperimentFile, images?: ImageChoice): string[] {
  const { photographs } = file;
  const hashes = new Set<string>();
  if (images !== undefined) {
    for (const id of chosenImages(library, images)) hashes.add(library.images.get(id).sha256);
  } else if ('group' in photographs) {
    const group = library.groups.findByName(photographs.group);
    if (group === undefined)
      throw invalid(
        'There is no such group of photographs.',
        library.groups
          .list()
          .map(({ name }) => `"${name}"`)
          .join(', ') || 'a group of the library',
        `"${photographs.group}"`,
      );
    for (const id of library.groups.imageIds(group.id)) hashes.add(library.images.get(id).sha256);
  } else if ('sha256' in photographs) {
    const missing = photographs.sha256.filter((sha256) => library.images.findBySha256(sha256) === undefined);
    if (missing.length > 0)
      throw invalid(
        `${missing.length} of ${photographs.sha256.length} photographs are not in this library.`,
        'photographs with the SHA-256 of the file',
        `none with ${missing[0]!}`,
      );
    for (const sha256 of photographs.sha256) hashes.add(sha256);
  } else {
    throw invalid('The photographs were not imported.', 'photographs of the library', 'paths of files');
  }
  if (hashes.size === 0) throw noPhotographs();
  return [...hashes].sort();
}

function invalid(summary: string, expected: string, found: string): FundusLensError {
  return new FundusLensError('experiment.invalid', summary, {
    expected,
    found,
    advice: 'Correct the experiment.',
  });
}
