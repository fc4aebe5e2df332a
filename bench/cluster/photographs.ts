import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { builtInConceptSets } from '../../electron/bundled/concept-sets.ts';
import type { NewChunk } from '../../electron/cluster/chunk-queue.ts';
import type { Chunk } from '../../electron/cluster/chunk.ts';
import type { ObjectStorage } from '../../electron/cluster/storage/storage.ts';
import { canonicalJson } from '../../electron/store/database/canonical-json.ts';
import { cellsOf } from '../../electron/workbench/cluster/chunk-cells.ts';
import { bundled } from '../../electron/workbench/folders.ts';

const prompts = ['What part of the body is shown? Answer with one word.', 'Describe this image.'];
const perChunk = 16;

/**
 * Photographs of 224 pixels, cut from the samples each at another place, with two prompts each and without controls.
 *
 * @param traces half as many photographs
 */
export async function makeChunks(
  storage: ObjectStorage,
  modelSha256: string,
  traces: number,
): Promise<NewChunk[]> {
  const samples = readdirSync(bundled.samples, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jpg'))
    .sort();
  const conceptSetSha256 = await storage.write(Buffer.from(canonicalJson(builtInConceptSets[0])));
  const common: Omit<Chunk, 'photographs'> = {
    schema: 'fundus-lens.chunk/1',
    planSha256: createHash('sha256').update('bench').digest('hex'),
    ...{ modelSha256, conceptSetSha256 },
    conditions: prompts.map((prompt) => ({
      ...{ prompt, lens: 'logit', positions: 'last', maxPixels: null, topK: 10 },
      ...{ generate: 0, traceGenerated: false, controls: false },
    })),
  };
  const files: string[] = [];
  for (let index = 0; index < traces / prompts.length; index++) {
    const sample = path.join(bundled.samples, samples[index % samples.length]!);
    const shift = Math.floor(index / samples.length);
    const cut = { left: 2 * (shift % 16), top: 2 * Math.floor(shift / 16), width: 224, height: 224 };
    const pixels = await sharp(sample).resize(288, 288, { fit: 'fill' }).extract(cut).png().toBuffer();
    files.push(await storage.write(pixels));
  }
  const chunks: NewChunk[] = [];
  for (let start = 0; start < files.length; start += perChunk) {
    const photographs = files
      .slice(start, start + perChunk)
      .map((file) => ({ sha256: file, file, conditions: prompts.map((_, index) => index) }));
    const chunk = { ...common, photographs };
    const contentKeys = photographs.flatMap((each) =>
      cellsOf(chunk, each).map(({ contentKey }) => contentKey),
    );
    chunks.push({ chunk, contentKeys });
  }
  return chunks;
}
