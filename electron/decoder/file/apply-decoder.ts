import { alignFeatures } from '../request/check-request.ts';
import { conformalSet, jackknifeInterval } from '../measure/conformal.ts';
import type { Decoder, DecoderHead } from '../fit/decoder.ts';
import { DecoderError } from '../request/errors.ts';
import { classProbabilities, likeliest } from '../measure/heads.ts';
import type { DecoderOrigin, FeatureSet } from '../request/request.ts';

/** One field of one image as the decoder reads it. */
export interface DecodedValue {
  readonly field: string;
  /** Name of the value, or the number; null when not assessed. */
  readonly value: string | number | null;
  /** Why it is not assessed. */
  readonly reason: 'several-values' | 'not-learnt' | null;
  /** Likeliest value and its probability, assessed or not; of a number, the estimate. */
  readonly estimate: string | number | null;
  readonly probability: number | null;
  /** Probability of each class, named by its values. */
  readonly probabilities: readonly { readonly values: readonly string[]; readonly probability: number }[];
  /** Values that cannot be excluded. */
  readonly possible: readonly string[];
  /** Bounds of a number; null where there is none. */
  readonly low: number | null;
  readonly high: number | null;
  readonly set: string | null;
  readonly layer: number | null;
}

export interface ApplyRequest {
  readonly images: readonly string[];
  /** Feature sets with at least the layers that the decoder reads. */
  readonly features: readonly FeatureSet[];
  readonly origin: Pick<DecoderOrigin, 'modelHash' | 'modelName' | 'prompt' | 'imageLimits'>;
}

/**
 * Reads all fields of all images, [images][fields].
 *
 * @throws DecoderError `decoder.other-model`, `decoder.other-features`, `decoder.width`, `decoder.features-missing`, `decoder.not-finite`
 */
export function applyDecoder(decoder: Decoder, { images, features, origin }: ApplyRequest): DecodedValue[][] {
  checkOrigin(decoder, origin);
  const aligned = new Map<string, Float32Array>();
  for (const { set: id, layer, width } of decoder.heads) {
    const key = `${id} ${layer}`;
    if (aligned.has(key)) continue;
    const set = features.find((candidate) => candidate.id === id);
    const own = set?.layers.find((candidate) => candidate.layer === layer);
    if (set === undefined || own === undefined) refuseFeatures(features, id, layer);
    if (set.width !== width)
      throw new DecoderError('decoder.width', `The features "${id}" have another width.`, {
        expected: `${width} numbers an image`,
        found: `${set.width} numbers an image`,
        advice: 'Use the decoder with features of the model that it was fitted on.',
        params: { set: id, layer, expected: width, found: set.width },
      });
    aligned.set(key, alignFeatures({ ...set, layers: [own] }, images)[0]!);
  }
  return images.map((_, row) => [
    ...decoder.heads.map((head) => {
      const values = aligned.get(`${head.set} ${head.layer}`)!;
      return decode(head, values.subarray(row * head.width, (row + 1) * head.width), decoder.alpha);
    }),
    ...decoder.refused.map(({ field }) => notLearnt(field)),
  ]);
}

/** @throws DecoderError `decoder.other-model`, `decoder.other-features` */
export function checkOrigin(decoder: Decoder, origin: ApplyRequest['origin']): void {
  const { modelHash, modelName, prompt, imageLimits } = decoder.origin;
  if (modelHash !== origin.modelHash)
    throw new DecoderError('decoder.other-model', `The decoder "${decoder.name}" belongs to another model.`, {
      expected: `features of ${modelName} (${modelHash.slice(0, 12)}…)`,
      found: `features of ${origin.modelName} (${origin.modelHash.slice(0, 12)}…)`,
      advice: 'Open the model that the decoder was fitted on, or fit a decoder for this one.',
      params: { decoder: decoder.name, expected: modelName, found: origin.modelName },
    });
  const limits = (limit: DecoderOrigin['imageLimits']) => `${limit.minPixels} … ${limit.maxPixels} pixels`;
  const expected = `prompt "${prompt}", images of ${limits(imageLimits)}`;
  const found = `prompt "${origin.prompt}", images of ${limits(origin.imageLimits)}`;
  if (expected !== found)
    throw new DecoderError(
      'decoder.other-features',
      `The decoder "${decoder.name}" reads features that were taken out in another way.`,
      {
        expected,
        found,
        advice: 'Take the features out again with the prompt and the image limits of the decoder.',
        params: { decoder: decoder.name },
      },
    );
}

function refuseFeatures(features: readonly FeatureSet[], id: string, layer: number): never {
  throw new DecoderError('decoder.other-features', 'The features that the decoder reads are not there.', {
    expected: `"${id}" of layer ${layer}`,
    found: features
      .map((set) => `"${set.id}" of layers ${set.layers.map((l) => l.layer).join(', ')}`)
      .join('; '),
    advice: 'Take the features of this layer out of the images first.',
    params: { set: id, layer },
  });
}

function decode(head: DecoderHead, features: Float32Array, alpha: number): DecodedValue {
  return head.kind === 'number' ? decodeNumber(head, features, alpha) : decodeClass(head, features);
}

/**
 * Scores of one image in each column, float64 [C].
 *
 * @param features float32 [D]
 */
export function scoreImage(
  { weights, mean, targetMeans }: Pick<DecoderHead, 'weights' | 'mean' | 'targetMeans'>,
  features: Float32Array,
): Float64Array {
  const width = mean.length;
  return targetMeans.map((_, column) => {
    let score = 0;
    for (let k = 0; k < width; k++) score += weights[column * width + k]! * (features[k]! - mean[k]!);
    return score;
  });
}

function decodeClass(head: DecoderHead, features: Float32Array): DecodedValue {
  const { field, kind, values, classes, scaling, bound, set, layer } = head;
  if (kind === 'number') throw new TypeError('A number has no classes.');
  const probabilities = classProbabilities(kind, scoreImage(head, features), scaling);
  const names = classes.map((places) => places.map((place) => values[place]!));
  const best = likeliest(probabilities);
  const possible = conformalSet(probabilities, bound).flatMap((index) => names[index]!);
  const likely = names[best]!;
  const reason = possible.length === 1 ? null : 'several-values';
  return {
    field,
    value: reason === null ? possible[0]! : null,
    reason,
    estimate: likely.length === 1 ? likely[0]! : null,
    probability: probabilities[best]!,
    probabilities: names.map((own, index) => ({ values: own, probability: probabilities[index]! })),
    possible,
    low: null,
    high: null,
    set,
    layer,
  };
}

function decodeNumber(head: DecoderHead, features: Float32Array, alpha: number): DecodedValue {
  const { folds, field, set, layer, mean } = head;
  if (folds === undefined) throw new TypeError('A number needs its folds.');
  const value = scoreImage(head, features)[0]! + head.targetMeans[0]!;
  const models = scoreImage({ ...folds, mean }, features);
  const predictions = folds.foldOf.map((fold) => models[fold]! + folds.targetMeans[fold]!);
  const patients = Math.round(folds.shares.reduce((sum, share) => sum + share, 0));
  const { low, high } = jackknifeInterval(predictions, folds.residuals, folds.shares, patients, alpha);
  return {
    field,
    value,
    reason: null,
    estimate: value,
    probability: null,
    probabilities: [],
    possible: [],
    low: Number.isFinite(low) ? low : null,
    high: Number.isFinite(high) ? high : null,
    set,
    layer,
  };
}

function notLearnt(field: string): DecodedValue {
  return {
    field,
    value: null,
    reason: 'not-learnt',
    estimate: null,
    probability: null,
    probabilities: [],
    possible: [],
    low: null,
    high: null,
    set: null,
    layer: null,
  };
}
