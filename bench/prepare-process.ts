/**
 * Prepares a checkpoint in a process of its own, so that its peak memory is its own, and prints time and peak as JSON.
 * Usage: node prepare-process.ts SOURCE TARGET FORMAT
 */

import { prepareModel } from '../electron/engine/prepare/prepare-model.ts';
import type { WeightFormat } from '../electron/common/prepared-model.ts';

export interface PrepareMeasurement {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly weightBytes: number;
}

const [source, target, format] = process.argv.slice(2) as [string, string, WeightFormat];
const started = performance.now();
const manifest = await prepareModel({ source, target, format }, {});
const measurement: PrepareMeasurement = {
  seconds: (performance.now() - started) / 1000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  weightBytes: manifest.files.find(({ name }) => name === 'weights.bin')!.bytes,
};
process.stdout.write(`${JSON.stringify(measurement)}\n`);
