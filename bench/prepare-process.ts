/**
 * Prepares a checkpoint in a process of its own, so that its peak memory is its own, and prints time and peak as JSON.
 * Usage: node prepare-process.ts SOURCE TARGET FORMAT [IMAGE …], images to calibrate on
 */

import { prepareModel } from '../electron/engine/quantize/prepare-model.ts';
import type { WeightFormat } from '../electron/contract/models/prepared-model.ts';

export interface PrepareMeasurement {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly weightBytes: number;
}

const [source, target, format, ...images] = process.argv.slice(2) as [
  string,
  string,
  WeightFormat,
  ...string[],
];
const calibration = { images, prompts: ['What is this image? Answer with one word.'] };
const started = performance.now();
const manifest = await prepareModel(
  { source, target, format, ...(images.length === 0 ? {} : { calibration }) },
  {},
);
const measurement: PrepareMeasurement = {
  seconds: (performance.now() - started) / 1000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  weightBytes: manifest.files.find(({ name }) => name === 'weights.bin')!.bytes,
};
process.stdout.write(`${JSON.stringify(measurement)}\n`);
