import { FundusLensError } from '../../contract/errors.ts';
import type { PositionSelection } from '../lens-trace/lens-trace.ts';

/**
 * Turns a selection into 0-based positions of the prompt.
 *
 * @param length T
 * @param ofImage positions of the image's tokens, ascending; none without an image
 * @throws FundusLensError `trace.positions` when a position is outside the prompt, or `image` is asked of a
 *   prompt without one
 */
export function selectPositions(
  selection: PositionSelection,
  length: number,
  ofImage: readonly number[],
): number[] {
  if (selection === 'last') return [length - 1];
  if (selection === 'all') return Array.from({ length }, (_, position) => position);
  if (selection === 'image') {
    if (ofImage.length > 0) return [...ofImage];
    throw new FundusLensError(
      'trace.positions',
      'Image positions were asked for, but the prompt has no image.',
      {
        expected: 'an image, or positions "last", "all" or a list',
        found: 'a prompt without an image',
        advice: 'Give an image, or choose --positions last.',
      },
    );
  }
  const outside = selection.filter(
    (position) => !Number.isInteger(position) || position < 0 || position >= length,
  );
  if (outside.length === 0 && selection.length > 0) return [...new Set(selection)].sort((a, b) => a - b);
  throw new FundusLensError('trace.positions', 'Some positions are not in the prompt.', {
    expected: `one or more positions between 0 and ${length - 1}`,
    found: outside.length > 0 ? outside.slice(0, 8).join(', ') : 'an empty list',
    advice: 'Trace with --positions all once to see how long the prompt is.',
  });
}
