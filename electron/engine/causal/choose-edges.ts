import type { HiddenEdge } from '../model/position-feeds.ts';
import { createRandom } from '../readability/statistics/seeded-random.ts';
import type { KnockedOutEdges } from '../lens-trace/causal-request.ts';

/**
 * What the text after the image, or its last position alone, sees of the image.
 *
 * @param image positions of its tokens, ascending
 */
export function edgesFromImage(
  edges: KnockedOutEdges,
  image: readonly number[],
  length: number,
): HiddenEdge[] {
  const firstQuery = edges === 'image-to-text' ? image.at(-1)! + 1 : length - 1;
  const hidden: HiddenEdge[] = [];
  for (let query = firstQuery; query < length; query++)
    for (const key of image) if (key < query) hidden.push([query, key]);
  return hidden;
}

/**
 * As many other edges: drawn from all looks back at earlier positions that are not among them, without replacement.
 *
 * @returns fewer only where the prompt has no more
 */
export function drawRandomEdges(
  knockedOut: readonly HiddenEdge[],
  length: number,
  seed: number,
): HiddenEdge[] {
  const random = createRandom(seed);
  const taken = new Set(knockedOut.map(([query, key]) => query * length + key));
  const available = (length * (length - 1)) / 2 - knockedOut.length;
  const wanted = Math.min(knockedOut.length, available);
  const drawn: HiddenEdge[] = [];
  while (drawn.length < wanted) {
    const [a, b] = [Math.floor(random() * length), Math.floor(random() * length)];
    const [query, key] = [Math.max(a, b), Math.min(a, b)];
    if (query === key || taken.has(query * length + key)) continue;
    taken.add(query * length + key);
    drawn.push([query, key]);
  }
  return drawn;
}
