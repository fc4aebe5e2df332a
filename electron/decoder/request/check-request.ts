import { DecoderError } from './errors.ts';
import { defaultFitOptions } from './request.ts';
import type { FeatureSet, FitOptions, FitRequest } from './request.ts';

/**
 * Options with the defaults filled in.
 *
 * @throws DecoderError `decoder.options`
 */
export function completeOptions(given: Partial<FitOptions> = {}): FitOptions {
  const options = { ...defaultFitOptions, ...given };
  const { lambdas, alpha, minPatients, folds, bootstrapSamples, permutations } = options;
  const refuse = (name: string, expected: string, found: string) => {
    throw new DecoderError('decoder.options', `The option ${name} cannot be used.`, {
      expected,
      found,
      advice: 'Give another value or leave the option out.',
      params: { option: name },
    });
  };
  if (
    lambdas.length === 0 ||
    lambdas.some((value, at) => !(value > (lambdas[at - 1] ?? 0)) || value === Infinity)
  )
    refuse('lambdas', 'ascending numbers above 0', lambdas.join(', '));
  if (!(minPatients >= 2)) refuse('minPatients', 'at least 2', String(minPatients));
  if (!(alpha < 1 && alpha >= 1 / (minPatients + 1)))
    refuse('alpha', `${(1 / (minPatients + 1)).toFixed(3)} … 1 for ${minPatients} patients`, String(alpha));
  if (!(folds >= 2)) refuse('folds', 'at least 2', String(folds));
  if (!(bootstrapSamples >= 0)) refuse('bootstrapSamples', '0 or more', String(bootstrapSamples));
  if (!(permutations >= 0)) refuse('permutations', '0 or more', String(permutations));
  return options;
}

/** @throws DecoderError `decoder.labels`, `decoder.patients-overlap`, `decoder.no-features`, `decoder.no-fields` */
export function checkImages({ images, patients, sources, features, fields }: FitRequest): void {
  const lengths = { patients: patients.length, ...(sources ? { sources: sources.length } : {}) };
  for (const [name, length] of Object.entries(lengths)) {
    if (length === images.length) continue;
    throw new DecoderError('decoder.labels', `The list of ${name} does not belong to the images.`, {
      expected: `${images.length} entries, one an image`,
      found: `${length} entries`,
      advice: 'Give one entry for every image.',
      params: { list: name, expected: images.length, found: length },
    });
  }
  if (sources !== undefined)
    checkSplit(patients, sources, 'Leave the sources out, or put all images of a patient into one source.');
  if (!features.some(({ role }) => role === 'layers'))
    throw new DecoderError('decoder.no-features', 'There is no layer to decode from.', {
      expected: 'features of at least one layer',
      found: features.length === 0 ? 'no features' : 'baselines only',
      advice: 'Take the features of the model out of the images first.',
    });
  if (fields.length === 0)
    throw new DecoderError('decoder.no-fields', 'There is no field to decode.', {
      expected: 'at least one labelled field',
      found: 'none',
      advice: 'Enter protocols or import labels for these images first.',
    });
}

/**
 * Refuses a split that has images of one patient on both sides.
 *
 * @param parts which side each image is on, [N]
 * @throws DecoderError `decoder.patients-overlap`
 */
export function checkSplit(
  patients: readonly string[],
  parts: readonly string[],
  advice = 'Split by patient, not by image.',
): void {
  const partOf = new Map<string, string>();
  const both = new Set<string>();
  let example = '';
  patients.forEach((patient, row) => {
    const part = parts[row]!;
    const other = partOf.get(patient) ?? part;
    if (other !== part) {
      if (both.size === 0) example = `"${patient}" is in "${other}" and in "${part}"`;
      both.add(patient);
    }
    partOf.set(patient, other);
  });
  if (both.size === 0) return;
  throw new DecoderError('decoder.patients-overlap', 'Images of one patient are on both sides of a split.', {
    expected: 'all images of a patient on one side',
    found: `${both.size} ${both.size === 1 ? 'patient' : 'patients'} on both; ${example}`,
    advice,
    params: { patients: both.size },
  });
}

/**
 * A set's layers with their rows in the order of the images that are wanted.
 *
 * @returns float32 [N, width] for each layer
 * @throws DecoderError `decoder.width`, `decoder.features-missing`, `decoder.not-finite`
 */
export function alignFeatures(set: FeatureSet, images: readonly string[]): Float32Array[] {
  const { id, width } = set;
  const rowOf = new Map(set.images.map((image, row) => [image, row]));
  const missing = images.filter((image) => !rowOf.has(image));
  if (missing.length > 0)
    throw new DecoderError('decoder.features-missing', `Some images have no features "${id}".`, {
      expected: `features of all ${images.length} images`,
      found: `none for ${missing.length}, such as ${missing.slice(0, 3).join(', ')}`,
      advice: 'Take the features of these images out first, or leave the images out.',
      params: { set: id, missing: missing.length, expected: images.length },
    });
  return set.layers.map(({ layer, values }) => {
    const found = values.length / set.images.length;
    if (found !== width || width === 0)
      throw new DecoderError('decoder.width', `The features "${id}" of layer ${layer} have another width.`, {
        expected: `${width} numbers an image`,
        found: `${found} numbers an image`,
        advice: 'Take all features out of one model with the same settings.',
        params: { set: id, layer, expected: width, found },
      });
    const aligned = new Float32Array(images.length * width);
    images.forEach((image, row) => {
      const from = rowOf.get(image)! * width;
      const own = values.subarray(from, from + width);
      if (!own.every(Number.isFinite))
        throw new DecoderError('decoder.not-finite', `The features "${id}" of "${image}" are not numbers.`, {
          expected: 'finite numbers only',
          found: `${own.find((value) => !Number.isFinite(value))} in layer ${layer}`,
          advice: 'Take the features of this image out again; if it stays, leave the image out.',
          params: { set: id, layer, image },
        });
      aligned.set(own, row * width);
    });
    return aligned;
  });
}
