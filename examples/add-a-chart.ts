/**
 * A chart of one's own over a trace: the entropy at the answer position by layer, written as SVG.
 *
 *     node add-a-chart.ts PHOTOGRAPH MODEL_FOLDER OUTPUT.svg
 */

import { writeFile } from 'node:fs/promises';
import { openModel, type LensTrace } from 'fundus-lens';

const [photograph, folder, output] = process.argv.slice(2);
if (photograph === undefined || folder === undefined || output === undefined)
  throw new Error('Usage: node add-a-chart.ts PHOTOGRAPH MODEL_FOLDER OUTPUT.svg');

const model = await openModel(folder, { provider: 'cpu' });
try {
  await writeFile(output, drawEntropy(await model.trace(photograph, { positions: 'last', controls: false })));
} finally {
  await model.close();
}

/** @returns a line from layer to entropy in nats; 0 is certain, ln V is ignorance */
function drawEntropy({ cells, layers, model: { vocabSize } }: LensTrace): string {
  const [width, height, margin] = [640, 320, 48];
  const most = Math.log(vocabSize);
  const x = (row: number) => margin + (row / (layers.length - 1)) * (width - 2 * margin);
  const y = (nats: number) => height - margin - (nats / most) * (height - 2 * margin);
  const points = layers.map((_, row) => `${x(row).toFixed(1)},${y(cells.entropy[row]!).toFixed(1)}`);
  const labels = layers.map((layer, row) => `<text x="${x(row)}" y="${height - 24}">${layer}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="11">
<title>Entropy by layer, nats, of at most ${most.toFixed(1)}</title>
<g text-anchor="middle">${labels.join('')}<text x="${width / 2}" y="${height - 6}">layer</text></g>
<text x="8" y="20">entropy at the answer, nats</text>
<polyline points="${points.join(' ')}" fill="none" stroke="#1f6feb" stroke-width="2"/>
</svg>
`;
}
