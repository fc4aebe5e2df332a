/**
 * One engine in a process of its own, so that its peak memory is its own: traces an image once to warm up and
 * then a few times, each time as if it had never seen the image and then with another prompt, and prints the times and
 * the peak as JSON. Usage: node trace-process.ts REQUEST.json REPEAT [CELLS.json]
 */

import { readFileSync, writeFileSync } from 'node:fs';
import type { EngineTraceRequest } from '../electron/engine/process/messages.ts';
import { imagePositions } from '../electron/engine/lens-trace/image-tokens.ts';
import type { Timings } from '../electron/engine/lens-trace/lens-trace.ts';
import { ModelCache } from '../electron/engine/stages/model-cache.ts';
import { trace } from '../electron/engine/trace.ts';
import { median } from './median.ts';

const stageNames = ['image', 'vision', 'decoder', 'lens'] as const;
type StageSeconds = Record<(typeof stageNames)[number], number>;

export interface TraceMeasurement {
  /** Seconds: compile, load, hash and parity gate. */
  readonly load: number;
  /** Seconds, medians over the warm runs; of the first run where there are none. */
  readonly trace: number;
  readonly stages: StageSeconds;
  /** The same for another prompt about the image that was traced just before. */
  readonly again: { readonly trace: number; readonly stages: StageSeconds } | null;
  readonly peakBytes: number;
  readonly sequenceLength: number;
  readonly imageTokens: number;
  readonly provider: string;
  readonly device: string | null;
}

/** What a second run on another provider is compared with; layer-major, see LensTrace. */
export interface TraceNumbers {
  readonly topK: number;
  readonly topIds: readonly number[];
  readonly topLogProbs: readonly number[];
  readonly entropy: readonly number[];
  readonly klToFinal: readonly number[];
}

const [requestFile, repeat, cellsFile] = process.argv.slice(2);
const request = JSON.parse(readFileSync(requestFile!, 'utf8')) as EngineTraceRequest;
const models = new ModelCache();
const first = await trace(request, {}, models);
const cold: Timings[] = [];
const warm: Timings[] = [];
const askAgain = async (run: number) => {
  const prompt = `${request.prompt} Take ${run}.`;
  warm.push((await trace({ ...request, prompt }, {}, models)).timings);
};
for (let run = 0; run < Number(repeat); run++) {
  models.prefixes.clear();
  cold.push((await trace(request, {}, models)).timings);
  await askAgain(run);
}
if (cold.length === 0) {
  // Without warm runs the first one counts, less what it took to load.
  cold.push({ ...first.timings, total: first.timings.total - first.timings.load });
  if (request.positions === 'last') await askAgain(0);
}
const summarise = (runs: readonly Timings[]) => ({
  trace: median(runs.map((run) => run.total)) / 1000,
  stages: Object.fromEntries(
    stageNames.map((name) => [name, median(runs.map((run) => run[name])) / 1000]),
  ) as StageSeconds,
});
const measurement: TraceMeasurement = {
  load: first.timings.load / 1000,
  ...summarise(cold),
  again: warm.length === 0 ? null : summarise(warm),
  peakBytes: process.resourceUsage().maxRSS * 1024,
  sequenceLength: first.prompt.tokenIds.length,
  imageTokens: imagePositions(first.prompt).length,
  provider: first.model.provider,
  device: first.model.device ?? null,
};
if (cellsFile !== undefined) {
  const { topIds, topLogProbs, entropy, klToFinal } = first.cells;
  const numbers: TraceNumbers = {
    topK: first.topK,
    topIds: [...topIds],
    topLogProbs: [...topLogProbs],
    entropy: [...entropy],
    klToFinal: [...klToFinal],
  };
  writeFileSync(cellsFile, JSON.stringify(numbers));
}
process.stdout.write(`${JSON.stringify(measurement)}\n`);
await models.close();
