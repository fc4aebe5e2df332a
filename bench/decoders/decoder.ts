/**
 * How long a decoder's fit takes: products and decompositions by themselves, then whole fits on random features.
 *
 *   node bench/decoders/decoder.ts [small|large]
 *
 * Times are wall clock and, for single-threaded parts, processor time as well: on a shared machine only the latter compares.
 */
import { fitDecoderInThread } from '../../electron/decoder/fit/fit-in-thread.ts';
import { gram } from '../../electron/decoder/linear/gram.ts';
import { seededRandom } from '../../electron/decoder/linear/random.ts';
import type { FitRequest } from '../../electron/decoder/request/request.ts';
import { decomposeSymmetric } from '../../electron/decoder/linear/symmetric-eigen.ts';

const which = process.argv[2];
const random = seededRandom(1);
const print = (line: string) => process.stdout.write(`${line}\n`);
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;

function measure(name: string, flops: number, work: () => void): void {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  work();
  const wall = performance.now() - begin;
  const own = process.cpuUsage(cpu).user / 1000;
  const rate = flops > 0 ? `, ${(flops / own / 1e6).toFixed(1)} GFLOP/s` : '';
  print(`${name}: ${seconds(wall)}, processor ${seconds(own)}${rate}`);
}

function makeRequest(count: number, layers: number, width: number): FitRequest {
  const images = Array.from({ length: count }, (_, row) => `image ${row}`);
  const binary = Float64Array.from({ length: count }, () => random.below(2));
  const grade = Float64Array.from({ length: count }, () => random.below(5));
  const number = Float64Array.from({ length: count }, () => random.next());
  return {
    name: 'bench',
    images,
    // Two eyes a patient.
    patients: images.map((_, row) => `patient ${row >> 1}`),
    features: [
      {
        id: 'image-mean',
        role: 'layers',
        images,
        width,
        layers: Array.from({ length: layers }, (_, layer) => ({
          layer,
          values: Float32Array.from(
            { length: count * width },
            (__, at) =>
              random.next() + (at % width === 0 ? binary[Math.floor(at / width)]! * layer * 0.1 : 0),
          ),
        })),
      },
    ],
    fields: [
      { id: 'binary', kind: 'binary', values: ['no', 'yes'], labels: binary },
      { id: 'grade', kind: 'ordinal', values: ['0', '1', '2', '3', '4'], labels: grade },
      { id: 'number', kind: 'number', values: [], labels: number },
    ],
    origin: {
      modelHash: '',
      modelName: 'bench',
      prompt: '',
      imageLimits: { minPixels: 0, maxPixels: 0 },
      softwareVersion: '',
      schemaVersion: '',
    },
  };
}

for (const [rows, width] of [
  [1000, 256],
  [1000, 3584],
] as const) {
  const matrix = Float64Array.from({ length: rows * width }, () => random.next() - 0.5);
  gram(matrix.subarray(0, 100 * width), 100, width);
  measure(`Gram matrix of ${rows} × ${width}`, rows * rows * width, () => gram(matrix, rows, width));
}
for (const size of [256, 500, 1000]) {
  const matrix = gram(
    Float64Array.from({ length: size * size }, () => random.next() - 0.5),
    size,
    size,
  );
  measure(`eigenvectors of order ${size}`, 0, () => decomposeSymmetric(matrix, size));
}
for (const [name, count, layers, width] of [
  ['small', 1000, 13, 256],
  ['large', 500, 29, 3584],
] as const) {
  if (which !== undefined && which !== name) continue;
  const request = makeRequest(count, layers, width);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  let longest = 0;
  let last = begin;
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 10);
  const stages: string[] = [];
  await fitDecoderInThread(request, {
    onProgress: ({ stage, done, total }) => {
      if (done === total) stages.push(`${stage} ${seconds(performance.now() - begin)}`);
    },
  });
  clearInterval(timer);
  const used = process.cpuUsage(cpu);
  print(
    `${count} images × ${layers} layers × ${width}, 3 fields, 2 threads: ${seconds(performance.now() - begin)}, processor ${seconds((used.user + used.system) / 1000)}; ` +
      `this thread was never blocked for more than ${longest.toFixed(0)} ms; ended after: ${stages.join(', ')}`,
  );
}
