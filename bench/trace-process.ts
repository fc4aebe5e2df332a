/**
 * One engine in a process of its own, so that its peak memory is its own: traces an image once to warm up and
 * then a few times, and prints the times and the peak as JSON. Usage: node trace-process.ts REQUEST.json REPEAT
 */

import { readFileSync } from 'node:fs';
import type { TraceRequest } from '../electron/common/engine-messages.ts';
import type { Timings } from '../electron/common/lens-trace.ts';
import { ModelCache } from '../electron/engine/model-cache.ts';
import { trace } from '../electron/engine/trace.ts';
import { median } from './median.ts';

export interface TraceMeasurement {
  /** Seconds: compile, load, hash and parity gate. */
  readonly load: number;
  /** Seconds, medians over the warm runs. */
  readonly trace: number;
  readonly stages: Pick<Timings, 'image' | 'vision' | 'decoder' | 'lens'>;
  readonly peakBytes: number;
  readonly sequenceLength: number;
  readonly imageTokens: number;
}

const [requestFile, repeat] = process.argv.slice(2);
const request = JSON.parse(readFileSync(requestFile!, 'utf8')) as TraceRequest;
const models = new ModelCache();
const first = await trace(request, {}, models);
const runs: Timings[] = [];
for (let run = 0; run < Number(repeat); run++) runs.push((await trace(request, {}, models)).timings);
const stage = (name: 'image' | 'vision' | 'decoder' | 'lens') => median(runs.map((run) => run[name])) / 1000;
const span = first.prompt.imageSpan;
const measurement: TraceMeasurement = {
  load: first.timings.load / 1000,
  trace: median(runs.map((run) => run.total)) / 1000,
  stages: { image: stage('image'), vision: stage('vision'), decoder: stage('decoder'), lens: stage('lens') },
  peakBytes: process.resourceUsage().maxRSS * 1024,
  sequenceLength: first.prompt.tokenIds.length,
  imageTokens: span === null ? 0 : span[1] - span[0],
};
process.stdout.write(`${JSON.stringify(measurement)}\n`);
await models.close();
