/**
 * Compares every fixture with what transformers computed from it, on one provider in this process; one JSON line per
 * checkpoint. Usage: node parity.ts FOLDER PROVIDER [CHECKPOINT …]
 */

import type { ProviderName } from '../../electron/engine/lens-trace/lens-trace.ts';
import { ModelCache } from '../../electron/engine/stages/model-cache.ts';
import { compareWithReference } from '../../electron/engine/testing/compare-with-reference.ts';
import { fixtureNames, referenceCases } from '../../electron/engine/testing/reference-fixtures.ts';

const [folder, provider, ...asked] = process.argv.slice(2) as [string, ProviderName, ...string[]];
const models = new ModelCache();
for (const checkpoint of asked.length === 0 ? fixtureNames : asked) {
  const [reference] = referenceCases(checkpoint);
  let line: object;
  try {
    line = await compareWithReference(checkpoint, reference!, { models, provider, folder });
  } catch (error) {
    line = { failure: String(error) };
  }
  process.stdout.write(`${JSON.stringify({ checkpoint, ...line })}\n`);
}
await models.close();
