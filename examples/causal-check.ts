/**
 * Where between two photographs the difference of the answers is: states of all image tokens are exchanged before every
 * block, in both directions. The photographs must have one grid: one camera, one size.
 *
 *     node causal-check.ts WITH_FINDING WITHOUT_FINDING MODEL_FOLDER
 */

import { openModel } from 'fundus-lens';

const [finding, none, folder] = process.argv.slice(2);
if (finding === undefined || none === undefined || folder === undefined)
  throw new Error('Usage: node causal-check.ts WITH_FINDING WITHOUT_FINDING MODEL_FOLDER');

const model = await openModel(folder, { provider: 'cpu' });
try {
  const { clean, corrupt, patches } = await model.checkCause(finding, none, {
    prompt: 'Is there referable diabetic retinopathy? Answer yes or no.',
    contrast: { a: ['Yes'], b: ['No'] },
  });
  console.log(`yes over no: ${clean.toFixed(2)} with the finding, ${corrupt.toFixed(2)} without`);
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
