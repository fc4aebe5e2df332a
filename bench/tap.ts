import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ModelCache } from '../electron/engine/stages/model-cache.ts';
import { tap } from '../electron/engine/tap.ts';
import { median } from './median.ts';
import { makeRandomCheckpoint, middleShape } from './checkpoints/random-checkpoint.ts';

/** `node bench/tap.ts [REPEAT]`: features at half the depth against the full depth, in turn, on a random checkpoint. */
const repeat = Number(process.argv[2] ?? 3);
const folder = path.join(tmpdir(), 'fundus-lens-bench');
mkdirSync(folder, { recursive: true });
const modelDir = makeRandomCheckpoint(folder, { ...middleShape, name: 'tap', vocabSize: 20_000 }, 'F32');
const imagePath = path.resolve(import.meta.dirname, '../data/samples/real/retina.jpg');
const models = new ModelCache();
const depths = [middleShape.numLayers / 2, middleShape.numLayers];

/** Milliseconds of the decoder's pass alone: from the end of the vision tower on. */
async function timeDecoder(depth: number): Promise<number> {
  let start = 0;
  const request = { modelDir, imagePath, prompt: 'What is this?', layers: [depth], perToken: false };
  await tap(
    { ...request, provider: 'cpu' },
    {
      onProgress: ({ stage, done, total }) => {
        if (stage === 'vision' && done === total) start = performance.now();
      },
    },
    models,
  );
  return performance.now() - start;
}

const times = depths.map((): number[] => []);
for (let run = 0; run <= repeat; run++) {
  for (const [index, depth] of depths.entries()) {
    const milliseconds = await timeDecoder(depth);
    if (run > 0) times[index]!.push(milliseconds);
  }
}
await models.close();
const [half, full] = times.map(median) as [number, number];
process.stdout.write(
  `decoder of a tap, medians of ${repeat}: ${depths[0]} blocks ${half.toFixed(0)} ms, ${depths[1]} blocks ${full.toFixed(0)} ms, ratio ${(half / full).toFixed(2)}\n`,
);
