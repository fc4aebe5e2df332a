import { FundusLensError } from '../../contract/errors.ts';
import type { PositionSelection } from '../../engine/lens-trace/lens-trace.ts';

/** More positions than any prompt has; a typing error must not fill the memory. */
const maxPosition = 1_000_000;

/**
 * Reads what `--positions` says: `last`, `image`, `all`, or 0-based positions and ranges like `0,5,10-20`.
 *
 * @throws FundusLensError `trace.positions`
 */
export function parsePositions(text: string): PositionSelection {
  if (text === 'last' || text === 'image' || text === 'all') return text;
  const positions = text.split(',').flatMap((part) => {
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (match === null) throw invalid(text);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > maxPosition) throw invalid(text);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return [...new Set(positions)].sort((a, b) => a - b);
}

function invalid(text: string): FundusLensError {
  return new FundusLensError('trace.positions', 'The positions cannot be read.', {
    expected: 'last, image, all, or a list such as 0,5,10-20',
    found: text,
    advice: 'Count positions from 0, and write ranges from the smaller to the larger.',
  });
}
