/**
 * For tests, run in a process of its own: traces two images of one grid on the webgpu provider, together and one by one,
 * and prints what was reused and how far the numbers are apart as JSON. Usage: node batch-on-webgpu.ts CHECKPOINT IMAGE…
 */

import { largestDifference, relativeError } from './compare-with-reference.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { fixtureRequest } from './reference-fixtures.ts';
import { trace } from '../trace.ts';

export interface BatchComparison {
  readonly provider: string;
  /** By image: the reuse that its trace in the batch reports. */
  readonly reuse: readonly unknown[];
  /** Relative error of the residual norms over all layers and positions, the largest of all images. */
  readonly residualNorm: number;
  /** Largest difference of a log-probability, nats. */
  readonly logProb: number;
}

const [checkpoint, ...images] = process.argv.slice(2);
const models = new ModelCache();
const request = { provider: 'webgpu', positions: 'all', topK: 1 } as const;
const reuse: unknown[] = [];
let provider = '';
let residualNorm = 0;
let logProb = 0;
const together = [];
for (const [index, imagePath] of images.entries()) {
  const upcoming = images.slice(index + 1);
  const found = await trace(fixtureRequest(checkpoint!, { ...request, imagePath, upcoming }), {}, models);
  reuse.push(found.timings.reuse);
  provider = found.model.provider;
  together.push(found);
}
for (const [index, imagePath] of images.entries()) {
  models.prefixes.clear();
  const alone = await trace(fixtureRequest(checkpoint!, { ...request, imagePath }), {}, models);
  const { cells, concepts } = together[index]!;
  residualNorm = Math.max(residualNorm, relativeError(cells.residualNorm, alone.cells.residualNorm));
  for (const [concept, { logProb: expected }] of alone.concepts.entries())
    logProb = Math.max(logProb, largestDifference(concepts[concept]!.logProb, expected));
}
const comparison: BatchComparison = { provider, reuse, residualNorm, logProb };
process.stdout.write(JSON.stringify(comparison));
await models.close();
