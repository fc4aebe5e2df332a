import type { ChosenPairs } from '../../contract/causal-checks.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { Library } from '../../store/library/library.ts';
import { fieldLabels, labelsOf, learnableFields } from '../decoders/labels.ts';
import { patientKey } from '../patients/patient-key.ts';
import { choosePairs } from './choose-pairs.ts';

/**
 * Chooses pairs from what the library knows of images.
 *
 * @throws FundusLensError `input.invalid` when the label is unknown or does not divide the images in two
 */
export function pairsOfLibrary(
  library: Library,
  imageIds: readonly number[],
  label: string,
  {
    value,
    most,
    seed,
  }: { readonly value?: string | undefined; readonly most: number; readonly seed: number },
): ChosenPairs {
  const images = imageIds.map((id) => library.images.get(id));
  const known = images.map((image) => labelsOf(library, image, { findings: true }));
  const found = fieldLabels(label, known);
  if (found?.kind !== 'binary')
    throw new FundusLensError('input.invalid', 'This label does not divide the photographs in two.', {
      expected: `a label with two values that the photographs have: ${learnableFields().join(', ')}`,
      found: found === null ? `no photograph has "${label}"` : `"${label}" is ${found.kind}`,
      advice: 'Choose another label or other photographs; header.eye is known of most.',
    });
  const isTurned = value !== undefined && value === found.values[0];
  if (value !== undefined && !found.values.includes(value))
    throw new FundusLensError('input.invalid', 'The label does not have this value.', {
      expected: found.values.join(', '),
      found: value,
    });
  const [b, a] = isTurned ? found.values.toReversed() : found.values;
  const labelled = images.flatMap((image, index) => {
    const place = found.labels[index]!;
    if (Number.isNaN(place)) return [];
    const { id, fileName, width, height, camera } = image;
    const alike = JSON.stringify([width, height, camera]);
    return [{ id, fileName, patient: patientKey(image), label: isTurned ? 1 - place : place, alike }];
  });
  return {
    values: [a!, b!],
    pairs: choosePairs(labelled, most, seed),
    labelled: labelled.length,
    unlabelled: images.length - labelled.length,
  };
}
