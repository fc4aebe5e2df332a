import { samplePatients } from '../measure/bootstrap.ts';
import type { CalibratedAnswers } from '../layer/calibrate-layer.ts';
import { checkImages, completeOptions } from '../request/check-request.ts';
import { chooseLayers } from './choose-layer.ts';
import type { FieldChoice } from './choose-layer.ts';
import type { Decoder, DecoderHead, RefusedField } from './decoder.ts';
import { DecoderError, serializeDecoderError, stopIfCancelled } from '../request/errors.ts';
import type { EvaluatePattern, EvaluateResult, FieldEvaluation } from '../layer/evaluate-layer.ts';
import { planLayers, planPattern } from './fit-plan.ts';
import type { PlannedLayer } from './fit-plan.ts';
import { measureClasses, measureNumbers } from '../measure/measure-field.ts';
import { findPatterns, takeColumns } from '../layer/pattern.ts';
import { prepareField } from '../layer/prepare-field.ts';
import type { PreparedField } from '../layer/prepare-field.ts';
import type { ChosenReport, DecoderReport, FittedFieldReport, ImageAnswer } from './report.ts';
import { compareShuffled, estimateScore, reportCurves, reportSources } from './report-field.ts';
import type { FitOptions, FitRequest } from '../request/request.ts';
import { inThisThread, mapConcurrently } from './run-jobs.ts';
import type { JobRunner } from './run-jobs.ts';
import type { TrainedHead } from '../layer/train-heads.ts';

export interface FitProgress {
  readonly stage: 'layers' | 'answers' | 'heads' | 'report';
  readonly done: number;
  readonly total: number;
}

export interface FitHooks {
  readonly onProgress?: (progress: FitProgress) => void;
  readonly signal?: AbortSignal | undefined;
  readonly runner?: JobRunner;
}

export interface FitResult {
  readonly decoder: Decoder;
  readonly report: DecoderReport;
}

/**
 * Fits a head for every field and measures it on patients left out.
 *
 * Nested cross-validation: for each fold of patients, layer and penalty are those with the smallest leave-one-patient-out
 * error over the other patients; the fold's scores come from there. All of it is exact and takes one decomposition a layer. A field that cannot be learnt is reported as refused, and the others go on.
 *
 * @throws DecoderError for features, images or options that cannot be used, when no field can be learnt, and `decoder.cancelled`
 */
export async function fitDecoder(request: FitRequest, hooks: FitHooks = {}): Promise<FitResult> {
  const { signal, onProgress, runner = inThisThread } = hooks;
  const options = completeOptions(request.options);
  checkImages(request);
  const { fields, refused } = prepareFields(request, options);
  const layers = planLayers(request);
  const patterns = findPatterns(fields, request.patients, options.folds, options.seed).map((pattern) =>
    planPattern(pattern, request, options),
  );

  const counted = countJobs(onProgress, signal);
  const evaluations = await counted('layers', layers, runner, ({ values, width }) =>
    runner.evaluate({
      kind: 'evaluate',
      values,
      count: request.images.length,
      width,
      lambdas: options.lambdas,
      patterns,
    }),
  );
  const choices = patterns.map(({ pattern }, index) =>
    pattern.fields.map((_, field) => chooseLayers(layers, pick(evaluations, index, field), pattern.folds)),
  );
  const everywhere = layers.flatMap(({ set }, index) => (request.byLayer?.includes(set) ? [index] : []));
  const { calibrations, trainings } = planHeads(choices, (pattern, field) =>
    everywhere.map((layer) => ({ layer, lambda: evaluations[layer]![pattern]![field]!.best })),
  );
  const shared = (layer: number, pattern: number) => ({
    values: layers[layer]!.values,
    width: layers[layer]!.width,
    count: request.images.length,
    pattern: patterns[pattern]!.pattern,
    alpha: options.alpha,
  });
  const answers = await counted('answers', calibrations, runner, ({ layer, pattern, requests }) =>
    runner.calibrate({
      kind: 'calibrate',
      ...shared(layer, pattern),
      requests: requests.map(({ lambda, ...rest }) => ({ ...rest, lambda: options.lambdas[lambda]! })),
    }),
  );
  const heads = await counted('heads', trainings, runner, ({ layer, pattern, requests }) =>
    runner.train({
      kind: 'train',
      ...shared(layer, pattern),
      requests: requests.map(({ field, lambda }) => ({ field, lambda: options.lambdas[lambda]! })),
    }),
  );

  const trainedAt = (layer: number, pattern: number, field: number) => {
    const at = trainings.findIndex((job) => job.layer === layer && job.pattern === pattern);
    return heads[at]![trainings[at]!.requests.findIndex((candidate) => candidate.field === field)]!;
  };
  const fitted: { report: FittedFieldReport; head: DecoderHead; byLayer: DecoderHead[] }[] = [];
  for (const [index, part] of patterns.entries()) {
    for (const [field, { id }] of part.pattern.fields.entries()) {
      onProgress?.({ stage: 'report', done: fitted.length, total: fields.length });
      // Lets a message that stops the fit in.
      await new Promise((resolve) => setImmediate(resolve));
      stopIfCancelled(signal);
      const own = fields.find((candidate) => candidate.id === id)!;
      const choice = choices[index]![field]!;
      const report = reportField(own, part, field, layers, pick(evaluations, index, field), choice, options, {
        planned: calibrations.map((job, at) => ({ job, answers: answers[at]! })),
        pattern: index,
      });
      const { chosen, measure } = report;
      const head = makeHead(own, layers[choice.final.layer]!, trainedAt(choice.final.layer, index, field), {
        lambda: chosen.lambda,
        scores: { [measure]: chosen.score, shuffled: chosen.shuffled, ...chosen.measures },
      });
      const byLayer = everywhere.map((layer) => {
        const planned = layers[layer]!;
        const { lambda, score, shuffled } = report.curves
          .find(({ set }) => set === planned.set)!
          .points.find((point) => point.layer === planned.layer)!;
        const scores = { [measure]: score, shuffled };
        return makeHead(own, planned, trainedAt(layer, index, field), { lambda, scores });
      });
      fitted.push({ report, head, byLayer });
    }
  }
  onProgress?.({ stage: 'report', done: fields.length, total: fields.length });
  return {
    decoder: {
      name: request.name,
      origin: request.origin,
      alpha: options.alpha,
      heads: inOrder(fitted, fields).map(({ head }) => head),
      byLayer: everywhere.flatMap((_, at) => inOrder(fitted, fields).map(({ byLayer }) => byLayer[at]!)),
      refused,
    },
    report: {
      images: request.images.length,
      patients: new Set(request.patients).size,
      fields: request.fields.map(
        ({ id, kind }) =>
          fitted.find(({ report }) => report.field === id)?.report ?? {
            status: 'refused',
            field: id,
            kind,
            error: refused.find(({ field }) => field === id)!.error,
          },
      ),
    },
  };
}

function prepareFields(
  { fields, patients }: FitRequest,
  { minPatients }: FitOptions,
): { fields: PreparedField[]; refused: RefusedField[] } {
  const prepared: PreparedField[] = [];
  const refused: RefusedField[] = [];
  let first: DecoderError | undefined;
  for (const field of fields) {
    try {
      prepared.push(prepareField(field, patients, minPatients));
    } catch (error) {
      if (!(error instanceof DecoderError)) throw error;
      first ??= error;
      refused.push({ field: field.id, error: serializeDecoderError(error) });
    }
  }
  if (prepared.length === 0 && first !== undefined) throw first;
  return { fields: prepared, refused };
}

/** Runs jobs of a stage, telling how many are done, and stops between two of them. */
function countJobs(onProgress: FitHooks['onProgress'], signal: AbortSignal | undefined) {
  return async <Item, Result>(
    stage: FitProgress['stage'],
    items: readonly Item[],
    runner: JobRunner,
    work: (item: Item) => Promise<Result>,
  ): Promise<Result[]> => {
    let done = 0;
    onProgress?.({ stage, done, total: items.length });
    return mapConcurrently(items, runner.concurrency, async (item) => {
      stopIfCancelled(signal);
      const result = await work(item);
      onProgress?.({ stage, done: ++done, total: items.length });
      return result;
    });
  };
}

interface HeadJob {
  readonly layer: number;
  readonly pattern: number;
  readonly requests: { readonly field: number; readonly lambda: number; readonly folds: Int32Array }[];
}

/** Gathers what is asked of each layer, so that it is decomposed once. */
function planHeads(
  choices: readonly (readonly FieldChoice[])[],
  furtherOf: (pattern: number, field: number) => readonly { layer: number; lambda: number }[],
): {
  calibrations: HeadJob[];
  trainings: HeadJob[];
} {
  const calibrations = new Map<string, HeadJob>();
  const trainings = new Map<string, HeadJob>();
  const add = (
    jobs: Map<string, HeadJob>,
    layer: number,
    pattern: number,
    request: HeadJob['requests'][number],
  ) => {
    const key = `${layer} ${pattern}`;
    const job = jobs.get(key) ?? { layer, pattern, requests: [] };
    jobs.set(key, job);
    job.requests.push(request);
  };
  choices.forEach((fields, pattern) =>
    fields.forEach(({ picks, final }, field) => {
      for (const { layer, lambda, folds } of picks)
        add(calibrations, layer, pattern, { field, lambda, folds });
      const further = furtherOf(pattern, field).filter(({ layer }) => layer !== final.layer);
      for (const { layer, lambda } of [final, ...further])
        add(trainings, layer, pattern, { field, lambda, folds: new Int32Array(0) });
    }),
  );
  return { calibrations: [...calibrations.values()], trainings: [...trainings.values()] };
}

function pick(evaluations: readonly EvaluateResult[], pattern: number, field: number): FieldEvaluation[] {
  return evaluations.map((evaluation) => evaluation[pattern]![field]!);
}

function reportField(
  prepared: PreparedField,
  { pattern, splits }: EvaluatePattern,
  fieldIndex: number,
  layers: readonly PlannedLayer[],
  evaluations: readonly FieldEvaluation[],
  choice: FieldChoice,
  options: FitOptions,
  answered: {
    readonly planned: readonly { readonly job: HeadJob; readonly answers: readonly CalibratedAnswers[] }[];
    readonly pattern: number;
  },
): FittedFieldReport {
  const { lambdas, bootstrapSamples, seed } = options;
  const field = pattern.fields[fieldIndex]!;
  const labels = pattern.labels[fieldIndex]!;
  const samples = samplePatients(pattern.folds, bootstrapSamples, seed);
  const wide = field.kind === 'number' ? 3 : field.classes;
  const values = new Float64Array(labels.length * wide);
  const sets = new Uint8Array(labels.length * wide);
  for (const { job, answers } of answered.planned) {
    if (job.pattern !== answered.pattern) continue;
    job.requests.forEach((request, index) => {
      if (request.field !== fieldIndex) return;
      const { places, answers: own, sets: possible } = answers[index]!;
      places.forEach((place, row) => {
        values.set(own.subarray(row * wide, (row + 1) * wide), place * wide);
        sets.set(possible.subarray(row * wide, (row + 1) * wide), place * wide);
      });
    });
  }
  const targets = takeColumns(pattern.targets, pattern.columns, field.begin, field.columns);
  const score = estimateScore(pattern, field, choice.scores, samples);
  const measured =
    field.kind === 'number'
      ? measureNumbers(labels, values, samples)
      : measureClasses(field.kind, labels, values, sets, choice.scores, targets, field.columns, samples);
  const chosen: ChosenReport = {
    set: layers[choice.final.layer]!.set,
    layer: layers[choice.final.layer]!.layer,
    lambda: lambdas[choice.final.lambda]!,
    picks: choice.picks.map(({ layer, lambda, folds }) => ({
      set: layers[layer]!.set,
      layer: layers[layer]!.layer,
      lambda: lambdas[lambda]!,
      folds: [...folds],
    })),
    score,
    ...compareShuffled(score, evaluations[choice.final.layer]!.shuffled),
    ...measured,
    answers: Array.from(pattern.groups.rows, (image, place): ImageAnswer => {
      const own = [...values.subarray(place * wide, (place + 1) * wide)];
      return {
        image,
        fold: pattern.folds.findLastIndex((begin) => begin <= place),
        scores: [...choice.scores.subarray(place * field.columns, (place + 1) * field.columns)],
        values: own.map((value) => (Number.isFinite(value) ? value : null)),
        possible: own.flatMap((_, index) => (sets[place * wide + index] === 1 ? [index] : [])),
      };
    }),
  };
  return {
    status: 'fitted',
    field: field.id,
    kind: field.kind,
    classes: prepared.classes.map((places) => places.map((place) => prepared.values[place]!)),
    counts: prepared.counts,
    images: labels.length,
    patients: pattern.groups.patients.length,
    commonest: field.kind === 'number' ? null : shareOfCommonest(labels),
    measure: field.kind === 'number' ? 'r2' : field.kind === 'binary' ? 'auroc' : 'mean-auroc',
    chosen,
    curves: reportCurves(layers, evaluations, pattern, field, samples, lambdas),
    sourcesLeftOut: reportSources(layers, evaluations, pattern, fieldIndex, splits, options),
  };
}

function makeHead(
  { id, kind, values, classes, counts }: PreparedField,
  { set, layer, width }: PlannedLayer,
  trained: TrainedHead,
  { lambda, scores }: Pick<DecoderHead, 'lambda' | 'scores'>,
): DecoderHead {
  return {
    ...trained,
    field: id,
    kind,
    values,
    classes,
    counts,
    set,
    layer,
    width,
    lambda,
    scores,
  };
}

function inOrder<T extends { readonly report: FittedFieldReport }>(
  fitted: readonly T[],
  fields: readonly PreparedField[],
): T[] {
  const place = new Map(fields.map(({ id }, index) => [id, index]));
  return fitted.toSorted((a, b) => place.get(a.report.field)! - place.get(b.report.field)!);
}

function shareOfCommonest(labels: Float64Array): number {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}
