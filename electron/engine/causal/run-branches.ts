import { inputWidth } from '../families/shared/model-config.ts';
import type { HiddenEdge } from '../model/position-feeds.ts';
import type { Model } from '../model/model.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { BlockCache, BlockRunner } from './block-runner.ts';

export const runs = ['clean', 'corrupt'] as const;
export type Run = (typeof runs)[number];

/** A run that leaves one of the two at a layer: with other states at some positions, or with some looks knocked out. */
export interface Branch {
  readonly from: Run;
  /** 0…L: states before that block; L is after the last. */
  readonly layer: number;
  /** Exchanged positions, ascending; or none. */
  readonly positions: readonly number[];
  /** Where the states at those positions come from: the other run, or the mean of both runs' states over the positions. */
  readonly states: 'other' | 'mean';
  /** Looks that are knocked out in blocks `layer` … `until` − 1. */
  readonly hiddenEdges: readonly HiddenEdge[];
  readonly until: number;
}

/** Final states of the two runs as they are and of every branch: float32 [D] each, before the final norm, last position. */
export interface BranchResults {
  readonly clean: Float32Array;
  readonly corrupt: Float32Array;
  readonly branches: readonly Float32Array[];
}

/** A branch on its way. */
interface Live {
  readonly index: number;
  readonly branch: Branch;
  /** First position that may differ from the run it left. */
  readonly start: number;
  /** float32 [T − start, inputWidth] */
  stream: Float32Array;
}

/** Bytes of streams that branches may hold at a time. */
const liveBytes = 768 * 2 ** 20;

/**
 * Runs both prompts and all branches through the decoder, block by block: each block is loaded once for all of them, a
 * branch begins at its layer and computes nothing before its first changed position, whose keys and values are those of the
 * run it left.
 *
 * @param embeds float32 [T, inputWidth] of either run; the prompts are equal but for the image's rows
 * @returns in the order of `branches`
 * @throws FundusLensError `engine.cancelled`
 */
export async function runBranches(
  model: Model,
  runner: BlockRunner,
  embeds: Readonly<Record<Run, Float32Array>>,
  branches: readonly Branch[],
  hooks: TraceHooks,
): Promise<BranchResults> {
  const { numLayers } = model.checkpoint.config.decoder;
  // Those that begin late are short-lived: with them last, a pass holds few streams for long.
  const ordered = branches
    .map((branch, index) => ({ branch, index }))
    .sort((a, b) => a.branch.layer - b.branch.layer);
  const perPass = Math.max(1, Math.floor(liveBytes / embeds.clean.byteLength));
  const passes = Array.from({ length: Math.max(1, Math.ceil(ordered.length / perPass)) }, (_, pass) =>
    ordered.slice(pass * perPass, (pass + 1) * perPass),
  );
  const results: Float32Array[] = [];
  let ends: Readonly<Record<Run, Float32Array>> | null = null;
  try {
    for (const [at, pass] of passes.entries()) {
      const report = (layer: number) =>
        reportProgress(hooks, 'decoder', at * numLayers + layer, passes.length * numLayers);
      const found = await runPass(model, runner, embeds, pass, report);
      ends ??= found.ends;
      for (const [index, state] of found.branches) results[index] = state;
    }
  } finally {
    await runner.release();
  }
  return { ...ends!, branches: results };
}

/** @throws FundusLensError `engine.cancelled` */
type ReportLayer = (layer: number) => Promise<void>;

async function runPass(
  model: Model,
  runner: BlockRunner,
  embeds: Readonly<Record<Run, Float32Array>>,
  branches: readonly { readonly branch: Branch; readonly index: number }[],
  report: ReportLayer,
) {
  const { decoder } = model.checkpoint.config;
  const { numLayers } = decoder;
  const width = inputWidth(decoder);
  let streams = embeds;
  let live: Live[] = [];
  for (let layer = 0; layer < numLayers; layer++) {
    await report(layer);
    await runner.load(layer);
    for (const { branch, index } of branches)
      if (branch.layer === layer) live.push({ index, branch, ...begin(branch, streams, width, runner) });
    const base = await runner.run({
      streams: runs.map((run) => streams[run]),
      caches: [null, null],
      hiddenEdges: [],
      keepCache: live.some(({ start }) => start > 0),
    });
    const caches = { clean: base.caches[0] ?? null, corrupt: base.caches[1] ?? null };
    live = await advance(runner, live, layer, caches, width, report);
    streams = { clean: base.streams[0]!, corrupt: base.streams[1]! };
  }
  await report(numLayers);
  const ended = new Map(live.map(({ index, stream }) => [index, stream]));
  for (const { branch, index } of branches) {
    if (branch.layer < numLayers) continue;
    // After the last block only the answer's own position is still read.
    const isExchanged = branch.positions.at(-1) === embeds.clean.length / width - 1;
    ended.set(index, streams[isExchanged && branch.states === 'other' ? otherRun(branch.from) : branch.from]);
  }
  return { ends: streams, branches: ended };
}

/** One block for all branches; those of equal length and equal masks go together. */
async function advance(
  runner: BlockRunner,
  live: readonly Live[],
  layer: number,
  caches: Readonly<Record<Run, BlockCache | null>>,
  width: number,
  report: ReportLayer,
): Promise<Live[]> {
  const maskOf = ({ branch }: Live) => (layer < branch.until ? branch.hiddenEdges : []);
  const noMask: readonly HiddenEdge[] = [];
  const byStart = Map.groupBy(live, ({ start }) => start);
  for (const group of byStart.values()) {
    const byMask = Map.groupBy(group, (one) => {
      const mask = maskOf(one);
      return mask.length === 0 ? noMask : mask;
    });
    for (const [hiddenEdges, alike] of byMask) {
      const size = runner.batchSize(alike[0]!.stream.length / width);
      for (let first = 0; first < alike.length; first += size) {
        await report(layer);
        const batch = alike.slice(first, first + size);
        const { streams } = await runner.run({
          streams: batch.map(({ stream }) => stream),
          caches: batch.map(({ branch }) => caches[branch.from]),
          hiddenEdges,
          keepCache: false,
        });
        batch.forEach((one, index) => (one.stream = streams[index]!));
      }
    }
  }
  return [...live];
}

function begin(
  { from, positions, states, hiddenEdges }: Branch,
  streams: Readonly<Record<Run, Float32Array>>,
  width: number,
  runner: BlockRunner,
): Pick<Live, 'start' | 'stream'> {
  const changed = hiddenEdges.reduce((first, [query]) => Math.min(first, query), positions[0] ?? Infinity);
  const start = runner.reachOf(changed);
  const stream = streams[from].slice(start * width);
  const mean = states === 'mean' ? meanState(streams, positions, width) : null;
  for (const position of positions) {
    const other = streams[otherRun(from)].subarray(position * width, (position + 1) * width);
    stream.set(mean ?? other, (position - start) * width);
  }
  return { start, stream };
}

/** float32 [inputWidth] */
function meanState(
  streams: Readonly<Record<Run, Float32Array>>,
  positions: readonly number[],
  width: number,
): Float32Array {
  const sum = new Float64Array(width);
  for (const run of runs)
    for (const position of positions)
      for (let at = 0; at < width; at++) sum[at]! += streams[run][position * width + at]!;
  return Float32Array.from(sum, (value) => value / (runs.length * positions.length));
}

function otherRun(run: Run): Run {
  return run === 'clean' ? 'corrupt' : 'clean';
}
