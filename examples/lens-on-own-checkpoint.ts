/**
 * The logit lens on a checkpoint folder of one's own: what each layer would say next, without any control picture.
 *
 *     node lens-on-own-checkpoint.ts CHECKPOINT_FOLDER PHOTOGRAPH
 */

import { FundusLensError, openModel } from 'fundus-lens';

const [folder, photograph] = process.argv.slice(2);
if (folder === undefined || photograph === undefined)
  throw new Error('Usage: node lens-on-own-checkpoint.ts CHECKPOINT_FOLDER PHOTOGRAPH');

try {
  const model = await openModel(folder, { provider: 'cpu' });
  const trace = await model.trace(photograph, { positions: 'last', topK: 3, controls: false });
  const { topIds, topLogProbs } = trace.cells; // [layers, positions, topK], row-major; one position here
  trace.layers.forEach((layer, row) => {
    const words = Array.from({ length: trace.topK }, (_, place) => {
      const index = row * trace.topK + place;
      const text = trace.tokenTexts[topIds[index]!] ?? '';
      return `${JSON.stringify(text)} ${Math.exp(topLogProbs[index]!).toFixed(3)}`;
    });
    console.log(`layer ${String(layer).padStart(2)}: ${words.join('  ')}`);
  });
  await model.close();
} catch (error) {
  if (!(error instanceof FundusLensError)) throw error;
  // Every refusal says what was expected, what was found, and what to do.
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
