import type { CausalPair } from '../../contract/causal-checks.ts';
import { createRandom } from '../../engine/readability/statistics/seeded-random.ts';

/** A photograph that has the label. */
export interface LabelledImage {
  readonly id: number;
  readonly fileName: string;
  readonly patient: string;
  /** 0 or 1; of 1, A is true. */
  readonly label: number;
  /** Whatever pairs must have in common: size and camera. */
  readonly alike: string;
}

/**
 * Pairs of different patients. A patient is in at most one pair of opposite labels and in at most one of like labels, so that
 * pairs are independent of each other.
 *
 * @param most pairs of either kind
 */
export function choosePairs(images: readonly LabelledImage[], most: number, seed: number): CausalPair[] {
  const random = createRandom(seed);
  // Sorted first, so that the order of a search decides nothing.
  const drawn = images
    .toSorted((a, b) => a.id - b.id)
    .map((image) => ({ image, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ image }) => image);
  return [
    ...match(drawn, most, 'opposite', (a, b) => a.label === 1 && b.label === 0),
    ...match(drawn, most, 'same-label', (a, b) => a.label === b.label),
  ];
}

function match(
  images: readonly LabelledImage[],
  most: number,
  kind: CausalPair['kind'],
  fits: (clean: LabelledImage, corrupt: LabelledImage) => boolean,
): CausalPair[] {
  const used = new Set<string>();
  const pairs: CausalPair[] = [];
  for (const clean of images) {
    if (pairs.length === most) break;
    if (used.has(clean.patient)) continue;
    const corrupt = images.find(
      (other) =>
        other.patient !== clean.patient &&
        !used.has(other.patient) &&
        other.alike === clean.alike &&
        fits(clean, other),
    );
    if (corrupt === undefined) continue;
    used.add(clean.patient).add(corrupt.patient);
    pairs.push({
      kind,
      ...{ cleanId: clean.id, corruptId: corrupt.id },
      ...{ cleanFile: clean.fileName, corruptFile: corrupt.fileName },
    });
  }
  return pairs;
}
