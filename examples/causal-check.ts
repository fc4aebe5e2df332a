/**
 * Where between two photographs the difference of the answers is: states of all image tokens are exchanged before every
 * block, in both directions. The photographs must have one grid: one camera, one size.
 *
 *     node causal-check.ts RIGHT_EYE LEFT_EYE MODEL_FOLDER
 */

import { openModel } from 'fundus-lens';

const [rightEye, leftEye, folder] = process.argv.slice(2);
if (rightEye === undefined || leftEye === undefined || folder === undefined)
  throw new Error('Usage: node causal-check.ts RIGHT_EYE LEFT_EYE MODEL_FOLDER');

const model = await openModel(folder, { provider: 'cpu' });
try {
  const { clean, corrupt, patches } = await model.checkCause(rightEye, leftEye, {
    prompt: 'Which eye is this? Answer with one word.',
    contrast: { a: ['Right'], b: ['Left'] },
  });
  console.log(
    `Right over Left, nats: ${clean.toFixed(2)} of the right eye, ${corrupt.toFixed(2)} of the left`,
  );
  const image = patches.find(({ set }) => set === 'image')!;
  const span = clean - corrupt;
  // R says nothing where the two answers hardly differ.
  if (Math.abs(span) < 1)
    throw new Error('The model answers alike about both photographs: choose another pair.');
  image.intoCorrupt.forEach((margin, layer) => {
    const sufficient = (margin - corrupt) / span;
    const necessary = (clean - image.intoClean[layer]!) / span;
    console.log(`layer ${layer}  R = ${sufficient.toFixed(2)} and ${necessary.toFixed(2)}`);
  });
  console.log('One pair shows what happened once. "Uses" needs intervals over at least twenty patients.');
} finally {
  await model.close();
}
