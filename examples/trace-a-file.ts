/**
 * From a photograph to the layer from which concepts are readable, above the bundled control pictures.
 *
 *     node trace-a-file.ts PHOTOGRAPH MODEL_FOLDER
 */

import { openModel } from 'fundus-lens';

const [photograph, folder] = process.argv.slice(2);
if (photograph === undefined || folder === undefined)
  throw new Error('Usage: node trace-a-file.ts PHOTOGRAPH MODEL_FOLDER');

const model = await openModel(folder, { provider: 'cpu' });
try {
  const trace = await model.trace(photograph, { prompt: 'Describe this image.', controls: true });
  const answer = trace.positions.length - 1;
  console.log(`${trace.model.id} answers: ${trace.generated.text}`);
  console.log(`Compared with ${trace.controls.length} control pictures.`);
  for (const concept of trace.concepts) {
    const layer = concept.emergence.layers[answer];
    if (typeof layer === 'number')
      console.log(`${concept.label.en} is readable from layer ${layer} of ${trace.model.numLayers}`);
  }
} finally {
  await model.close();
}
