/**
 * For tests, run in a process of its own: compares fixtures with the reference on the webgpu provider, one JSON
 * line per checkpoint. Usage: node compare-on-webgpu.ts FOLDER CHECKPOINT…
 */

import { compareWithReference } from './compare-with-reference.ts';
import { ModelCache } from '../stages/model-cache.ts';
import { referenceCases } from './reference-fixtures.ts';

const [folder, ...checkpoints] = process.argv.slice(2);
const models = new ModelCache();
for (const checkpoint of checkpoints) {
  const [reference] = referenceCases(checkpoint);
  const deviation = await compareWithReference(checkpoint, reference!, {
    models,
    provider: 'webgpu',
    folder: folder!,
  });
  process.stdout.write(`${JSON.stringify(deviation)}\n`);
}
await models.close();
