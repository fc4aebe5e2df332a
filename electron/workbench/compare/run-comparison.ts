import type { Comparison, compareInputSchema } from '../../contract/traces/compare.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { z } from 'zod';
import type { Services } from '../services.ts';
import { repeatTrace } from '../traces/repeat-trace.ts';
import { viewSummary } from '../traces/trace-views.ts';
import { compareTraces } from './compare-traces.ts';
import type { ComparedTrace } from './compare-traces.ts';
import { readPosition } from './read-cells.ts';
import type { PositionReader } from './read-cells.ts';

/**
 * Compares stored traces; when exact numbers are wanted, each is run again at its one position with every token kept.
 *
 * @throws FundusLensError `trace.positions` for a position that was not traced; `input.invalid` when an exact number is
 *   wanted of a generated position; whatever the engine throws
 */
export async function runComparison(
  services: Services,
  { traceIds, positions, exact, topRank }: z.output<typeof compareInputSchema>,
  signal?: AbortSignal,
): Promise<Comparison> {
  if (positions !== undefined && positions.length !== traceIds.length) {
    throw new FundusLensError('input.invalid', 'There must be one position for each trace.', {
      expected: String(traceIds.length),
      found: String(positions.length),
    });
  }
  const { library } = services.session;
  const compared: ComparedTrace[] = [];
  for (const [index, id] of traceIds.entries()) {
    const { imageId, conceptSetId } = viewSummary(library, library.traces.summary(id));
    const reader = readPosition(library.traces.get(id), positions?.[index]);
    const whole = exact ? await readWholeVocabulary(services, id, reader, signal) : null;
    compared.push({ id, imageId, conceptSetId, reader, exact: whole });
  }
  return compareTraces(compared, topRank);
}

async function readWholeVocabulary(
  services: Services,
  id: number,
  { trace, position }: PositionReader,
  signal: AbortSignal | undefined,
): Promise<PositionReader> {
  if (position >= trace.prompt.tokenIds.length) {
    throw new FundusLensError('input.invalid', 'Exact numbers exist for positions of the prompt only.', {
      expected: `a position below ${trace.prompt.tokenIds.length}`,
      found: `${position}, which was generated`,
      advice: 'Choose a position of the prompt, or do without exact numbers.',
    });
  }
  const whole: LensTrace = await repeatTrace(
    services,
    id,
    { positions: [position], topK: trace.model.tokenizerSize, generate: 0, traceGenerated: false },
    signal,
  );
  return readPosition(whole, position);
}
