import { estimate, samplePatients } from '../measure/bootstrap.ts';
import type { Estimate } from '../measure/bootstrap.ts';
import { penalty } from './evaluate-layer.ts';
import { makeFactor, makeLayerMatrix, meanOfRows } from '../linear/factor.ts';
import type { LayerMatrix } from '../linear/factor.ts';
import { DecoderError, stopIfCancelled } from '../request/errors.ts';
import { leaveEachOutOf } from '../linear/leave-out.ts';
import { auprc, auroc, rankScores } from '../measure/metrics.ts';
import { groupByPatient, shuffleGroups } from './patient-groups.ts';
import type { PatientGroups } from './patient-groups.ts';
import { fitPlatt, plattProbability } from '../measure/platt.ts';
import type { PlattScaling } from '../measure/platt.ts';
import { seededRandom, shuffledIndices } from '../linear/random.ts';
import { fitRidge, scoreRows, weightsOf } from '../linear/ridge.ts';

/** Image tokens of several images with what lies in each token's cell. */
export interface TokenRequest {
  readonly field: string;
  readonly set: string;
  readonly width: number;
  /** Whose image each is, [N]. */
  readonly patients: readonly string[];
  /** Number of tokens of each image, [N]; together T. */
  readonly tokens: readonly number[];
  readonly layers: readonly {
    readonly layer: number;
    /** float32 [T, width], images one after the other, tokens in reading order */
    readonly values: Float32Array;
  }[];
  /** float64 [T]: share of the cell that is of the kind looked for, 0 … 1 (a lesion, the disc, the fovea). */
  readonly shares: Float64Array;
  readonly options?: Partial<TokenOptions>;
}

export interface TokenOptions {
  readonly lambdas: readonly number[];
  readonly folds: number;
  readonly minPatients: number;
  /** Tokens that a ridge is fitted on; more are sampled, those with something in them first. */
  readonly maxTokens: number;
  readonly bootstrapSamples: number;
  readonly seed: number;
}

export interface TokenHead {
  readonly field: string;
  readonly set: string;
  readonly layer: number;
  readonly lambda: number;
  /** float64 [D] each: score = weights·(x − mean). */
  readonly weights: Float64Array;
  readonly mean: Float64Array;
  readonly scaling: PlattScaling;
}

export interface TokenReport {
  /** Every layer: tokens with something in them against those without, each fold of patients left out. */
  readonly curve: readonly { readonly layer: number; readonly auroc: Estimate; readonly auprc: Estimate }[];
  /** The same where each fold's layer and penalty were chosen by the others. */
  readonly chosen: { readonly auroc: Estimate; readonly auprc: Estimate };
  /** Share of tokens with something in them. */
  readonly prevalence: number;
  /** float64 [T]: probability that something is in the cell, from a head that did not know the patient. */
  readonly map: Float64Array;
}

interface TokenLayer {
  readonly matrix: LayerMatrix;
  /** float64 [F] */
  readonly errors: Float64Array;
  /** float64 [T]: scores of tokens whose fold was left out. */
  readonly scores: Float64Array;
}

/**
 * Fits a head that says of every token whether something lies there, on patients left out in folds; the penalty, and
 * for the head the layer, by leave-one-patient-out inside.
 *
 * @throws DecoderError `decoder.labels`, `decoder.width`, `decoder.not-finite`, `decoder.one-class`, `decoder.too-few-patients`, `decoder.cancelled`
 */
export function fitTokenHead(
  request: TokenRequest,
  hooks: { readonly onProgress?: (done: number, total: number) => void; readonly signal?: AbortSignal } = {},
): { head: TokenHead; report: TokenReport } {
  const options: TokenOptions = {
    lambdas: [1e-4, 1e-3, 1e-2, 1e-1, 1, 10],
    folds: 5,
    minPatients: 20,
    maxTokens: request.width <= 1024 ? 6000 : 1500,
    bootstrapSamples: 200,
    seed: 1,
    ...request.options,
  };
  const { shares, patients, tokens, width, layers } = request;
  const starts = Int32Array.from([
    0,
    ...tokens.map((_, image) => tokens.slice(0, image + 1).reduce((a, b) => a + b, 0)),
  ]);
  checkTokens(request, starts, options);
  const positive = shares.map((share) => (share > 0 ? 1 : 0));
  const random = seededRandom(options.seed);
  const groups = shuffleGroups(groupByPatient(patients, patients.keys()), random);
  const kept = sampleTokens(starts, positive, options);
  const folds = Math.min(options.folds, groups.patients.length);
  const foldOf = (patient: number) => Math.floor((patient * folds) / groups.patients.length);

  const fitted = layers.map(({ values }, index): TokenLayer => {
    stopIfCancelled(hooks.signal);
    hooks.onProgress?.(index, layers.length);
    const matrix = makeLayerMatrix(values, shares.length, width);
    const errors = new Float64Array(folds);
    const scores = new Float64Array(shares.length);
    for (let fold = 0; fold < folds; fold++) {
      const train = tokensOf(groups, starts, kept, (patient) => foldOf(patient) !== fold);
      const test = tokensOf(groups, starts, undefined, (patient) => foldOf(patient) === fold);
      const found = fitTokens(matrix, train, shares, options.lambdas);
      errors[fold] = found.error;
      const own = scoreRows(found.fit, found.factor.project(test.rows), found.factor.rank, 1);
      test.rows.forEach((row, at) => (scores[row] = own[at]!));
    }
    return { matrix, errors, scores };
  });

  const all = tokensOf(groups, starts, undefined, () => true);
  const samples = samplePatients(all.starts, options.bootstrapSamples, options.seed);
  const measure = (scores: Float64Array) => {
    const ranking = rankScores(Float64Array.from(all.rows, (row) => scores[row]!));
    const labels = Float64Array.from(all.rows, (row) => positive[row]!);
    return {
      auroc: estimate((weights) => auroc(ranking, labels, weights), samples),
      auprc: estimate((weights) => auprc(ranking, labels, weights), samples),
    };
  };
  const bestBy = (errorOf: (layer: TokenLayer) => number) =>
    fitted.reduce((best, layer, index) => (errorOf(layer) < errorOf(fitted[best]!) ? index : best), 0);
  const scores = new Float64Array(shares.length);
  for (let fold = 0; fold < folds; fold++) {
    const layer = fitted[bestBy(({ errors }) => errors[fold]!)]!;
    for (const row of tokensOf(groups, starts, undefined, (patient) => foldOf(patient) === fold).rows)
      scores[row] = layer.scores[row]!;
  }
  // Each error is over the other folds: together they count every patient equally often.
  const best = bestBy(({ errors }) => errors.reduce((sum, error) => sum + error, 0));
  const { matrix, scores: bestScores } = fitted[best]!;
  const train = tokensOf(groups, starts, kept, () => true);
  const { factor, fit, lambda } = fitTokens(matrix, train, shares, options.lambdas);
  const mean = meanOfRows(matrix, train.rows).map((value, k) => value + matrix.mean[k]!);
  const scaling = fitPlatt(scores, positive);
  hooks.onProgress?.(layers.length, layers.length);
  return {
    head: {
      field: request.field,
      set: request.set,
      layer: layers[best]!.layer,
      lambda,
      weights: weightsOf(factor, fit, 1, 0),
      mean,
      scaling: fitPlatt(bestScores, positive),
    },
    report: {
      curve: fitted.map((layer, index) => ({ layer: layers[index]!.layer, ...measure(layer.scores) })),
      chosen: measure(scores),
      prevalence: positive.reduce((sum, one) => sum + one, 0) / positive.length,
      map: scores.map((score) => plattProbability(scaling, score)),
    },
  };
}

/**
 * Probability for every token of one image that something lies in its cell.
 *
 * @param features float32 [T, D], tokens in reading order
 * @returns float64 [T]
 */
export function mapTokens({ weights, mean, scaling }: TokenHead, features: Float32Array): Float64Array {
  const width = mean.length;
  if (features.length % width !== 0)
    throw new DecoderError('decoder.width', 'The tokens have another width than those of the decoder.', {
      expected: `${width} numbers a token`,
      found: `${features.length} numbers`,
      advice: 'Use tokens of the model and layer that the decoder was fitted on.',
      params: { expected: width, found: features.length },
    });
  return Float64Array.from({ length: features.length / width }, (_, token) => {
    let score = 0;
    for (let k = 0; k < width; k++) score += weights[k]! * (features[token * width + k]! - mean[k]!);
    return plattProbability(scaling, score);
  });
}

function fitTokens(
  matrix: LayerMatrix,
  train: Pick<PatientGroups, 'rows' | 'starts'>,
  shares: Float64Array,
  lambdas: readonly number[],
) {
  const factor = makeFactor(matrix, train.rows);
  const targets = Float64Array.from(train.rows, (row) => shares[row]!);
  let best = { error: Infinity, lambda: lambdas[0]! };
  for (const lambda of lambdas.toReversed()) {
    const left = leaveEachOutOf(factor, train.starts, targets, 1, penalty(factor, lambda));
    const error = left.reduce((sum, residual) => sum + residual * residual, 0) / left.length;
    if (error < best.error) best = { error, lambda };
  }
  return { ...best, factor, fit: fitRidge(factor, targets, 1, penalty(factor, best.lambda)) };
}

/** Rows of the wanted patients' tokens and where patients begin; of all tokens or of those that are kept. */
function tokensOf(
  groups: PatientGroups,
  starts: Int32Array,
  kept: Uint8Array | undefined,
  wanted: (patient: number) => boolean,
): Pick<PatientGroups, 'rows' | 'starts'> {
  const rows: number[] = [];
  const begins = [0];
  for (let patient = 0; patient < groups.patients.length; patient++) {
    if (!wanted(patient)) continue;
    for (const image of groups.rows.subarray(groups.starts[patient], groups.starts[patient + 1]))
      for (let row = starts[image]!; row < starts[image + 1]!; row++)
        if (kept === undefined || kept[row] === 1) rows.push(row);
    if (rows.length > begins.at(-1)!) begins.push(rows.length);
  }
  return { rows: Int32Array.from(rows), starts: Int32Array.from(begins) };
}

/** uint8 [T]: 1 for tokens to fit on; as many of each image, at most half of them with something in them while others are left. */
function sampleTokens(
  starts: Int32Array,
  positive: Float64Array,
  { maxTokens, seed }: TokenOptions,
): Uint8Array {
  const kept = new Uint8Array(positive.length);
  const images = starts.length - 1;
  if (positive.length <= maxTokens) return kept.fill(1);
  const each = Math.max(2, Math.floor(maxTokens / images));
  const random = seededRandom(seed);
  for (let image = 0; image < images; image++) {
    const begin = starts[image]!;
    const order = Array.from(shuffledIndices(starts[image + 1]! - begin, random), (token) => begin + token);
    const full = order.filter((row) => positive[row] === 1);
    const half = full.slice(0, Math.ceil(each / 2));
    const rest = order.filter((row) => !half.includes(row));
    const empty = rest.filter((row) => positive[row] === 0);
    const more = [...half, ...empty, ...rest.filter((row) => positive[row] === 1)].slice(0, each);
    for (const row of more) kept[row] = 1;
  }
  return kept;
}

function checkTokens(
  { field, set, width, patients, tokens, layers, shares }: TokenRequest,
  starts: Int32Array,
  { minPatients }: TokenOptions,
): void {
  const total = starts.at(-1)!;
  if (
    tokens.length !== patients.length ||
    shares.length !== total ||
    !shares.every((share) => share >= 0 && share <= 1)
  )
    throw new DecoderError('decoder.labels', `The places of "${field}" do not belong to the tokens.`, {
      expected: `a share of 0 … 1 for each of ${total} tokens, and a patient for each of ${tokens.length} images`,
      found: `${shares.length} shares, ${patients.length} patients`,
      advice: 'Make the shares from masks on the grid of the image tokens.',
      params: { field, expected: total, found: shares.length },
    });
  for (const { layer, values } of layers) {
    if (values.length !== total * width)
      throw new DecoderError(
        'decoder.width',
        `The tokens "${set}" of layer ${layer} have another width or number.`,
        {
          expected: `${total} tokens of ${width} numbers`,
          found: `${values.length} numbers`,
          advice: 'Take the tokens of all images out of one model with the same settings.',
          params: { set, layer, expected: total * width, found: values.length },
        },
      );
    if (!values.every(Number.isFinite))
      throw new DecoderError(
        'decoder.not-finite',
        `The tokens "${set}" of layer ${layer} are not all numbers.`,
        {
          expected: 'finite numbers only',
          found: 'NaN or infinity',
          advice: 'Take the tokens out again; if it stays, leave the image out.',
          params: { set, layer },
        },
      );
  }
  const withPlace = new Set(
    patients.filter((_, image) =>
      shares.subarray(starts[image], starts[image + 1]).some((share) => share > 0),
    ),
  ).size;
  const empty = shares.every((share) => share > 0);
  if (withPlace === 0 || empty)
    throw new DecoderError(
      'decoder.one-class',
      `"${field}" is ${empty ? 'everywhere' : 'nowhere'} in these images.`,
      {
        expected: 'tokens with it and tokens without it',
        found: empty ? 'it in every token' : 'it in no token',
        advice: 'Add images with masks of it.',
        params: { field },
      },
    );
  if (withPlace < minPatients)
    throw new DecoderError('decoder.too-few-patients', `"${field}" is marked in too few patients.`, {
      expected: `at least ${minPatients} patients`,
      found: `${withPlace} patients`,
      advice: 'Mark it in images of more patients.',
      params: { field, patients: withPlace, needed: minPatients },
    });
}
