import { createHash } from 'node:crypto';
import type { Chunk } from '../chunk.ts';
import type { NewChunk, StoredResult } from '../chunk-queue.ts';

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A chunk with a photograph and a trace for every key. */
export function chunkOf(
  name: string,
  keys: readonly string[],
  { model = 'model', plan = 'plan' }: { readonly model?: string; readonly plan?: string } = {},
): NewChunk {
  const chunk: Chunk = {
    schema: 'fundus-lens.chunk/1',
    planSha256: sha256Of(plan),
    modelSha256: sha256Of(model),
    conceptSetSha256: sha256Of('concepts'),
    conditions: [
      {
        ...{ prompt: 'What is this?', lens: 'logit', positions: 'last', maxPixels: null, topK: 10 },
        ...{ generate: 0, traceGenerated: false, controls: false },
      },
    ],
    photographs: keys.map((key) => ({
      sha256: sha256Of(`${name} ${key}`),
      file: sha256Of(key),
      conditions: [0],
    })),
  };
  return { chunk, contentKeys: keys.map(sha256Of) };
}

/** What came of a key. */
export function resultOf(key: string, object = 'trace'): StoredResult {
  return { contentKey: sha256Of(key), objectSha256: sha256Of(object), bytes: 1000, milliseconds: 40 };
}
