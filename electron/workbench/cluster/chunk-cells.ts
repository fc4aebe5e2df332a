import type { Chunk } from '../../cluster/chunk.ts';
import { conditionSchema } from '../../cluster/chunk.ts';
import type { QueuedTrace } from '../traces/queued-trace.ts';
import { traceKey } from '../traces/queued-trace.ts';

export type Condition = Chunk['conditions'][number];

/** One trace of a chunk. */
export interface ChunkCell {
  readonly condition: Condition;
  readonly contentKey: string;
}

/** What is asked of a photograph, without the photograph. */
export function conditionOf(request: Omit<QueuedTrace, 'modelId' | 'provider'>): Condition {
  return conditionSchema.strip().parse(request);
}

/** The traces of a chunk's photograph, by the keys that they have in a library. */
export function cellsOf(chunk: Chunk, { sha256, conditions }: Chunk['photographs'][number]): ChunkCell[] {
  const { modelSha256, conceptSetSha256 } = chunk;
  return conditions.flatMap((index) => {
    const condition = chunk.conditions[index];
    if (condition === undefined) return [];
    const identity = { imageSha256: sha256, modelSha256, conceptSetSha256 };
    // Rows of a library and where it is computed are no part of the key.
    const trace: QueuedTrace = { ...condition, ...identity, modelId: 1, conceptSetRow: 1, provider: 'auto' };
    return [{ condition, contentKey: traceKey(trace) }];
  });
}
