/**
 * Features from inside the model: the mean of the image tokens after two layers, for a classifier of one's own. Blocks after
 * the deepest layer asked for are not computed.
 *
 *     node tap-a-layer.ts MODEL_FOLDER PHOTOGRAPH …
 */

import { openModel } from 'fundus-lens';

const [folder, ...photographs] = process.argv.slice(2);
if (folder === undefined || photographs.length === 0)
  throw new Error('Usage: node tap-a-layer.ts MODEL_FOLDER PHOTOGRAPH …');

const model = await openModel(folder, { provider: 'cpu' });
try {
  for await (const { imagePath, features, error } of model.tap(photographs, [4, 6])) {
    if (features === null) {
      console.log(`${imagePath}: ${error.message}`); // one bad photograph does not end the rest
      continue;
    }
    const [numLayers, width] = features.imageMean.shape as [number, number];
    for (let row = 0; row < numLayers; row++) {
      const mean = features.imageMean.data.subarray(row * width, (row + 1) * width);
      console.log(
        `${imagePath}, layer ${features.layers[row]}: ${width} numbers, norm ${Math.hypot(...mean).toFixed(2)}`,
      );
    }
  }
} finally {
  await model.close();
}
