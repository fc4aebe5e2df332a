import { FundusLensError } from '../../contract/errors.ts';
import type { ProviderChoice } from '../lens-trace/lens-trace.ts';
import { fingerprintCheckpoint } from '../checkpoint/fingerprint.ts';
import { isIgnorableTensor, openCheckpoint, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { dataBytesPerRow } from '../weights/block-format.ts';
import { chooseTarget, chooseWidening } from './choose-target.ts';
import type { GraphTarget } from '../graph/graph-target.ts';
import { buildLensHead } from '../graph/lens-head.ts';
import { sliceTokens, type TokenSlice } from '../graph/token-slices.ts';
import { LensHead } from '../lens/lens-head.ts';
import { checkParity } from './parity-gate.ts';
import { fitModel } from '../memory/fit-memory.ts';
import { estimateNeeds, lensChunkBytes, staysOnHost, type ModelMemory } from '../memory/memory-needs.ts';
import { measureMemory } from '../memory/available-memory.ts';
import { weighCheckpoint } from '../memory/weigh-parts.ts';
import { numTokens, type LoadedModel, type Model } from './model.ts';
import { chooseProvider, type ChosenProvider } from '../runtime/providers.ts';
import { ResidentSession } from '../runtime/resident-session.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';

/**
 * Compiles a checkpoint's three graphs, loads them and lets the parity gate judge the result.
 *
 * @throws FundusLensError `model.*` for anything wrong with the files, `provider.unavailable`, `model.too-large`,
 *   `model.parity-gate`, `engine.cancelled`
 */
export async function loadModel(
  folder: string,
  requested: ProviderChoice,
  hooks: TraceHooks,
): Promise<LoadedModel> {
  const started = performance.now();
  const total = 5;
  await reportProgress(hooks, 'load', 0, total);
  const checkpoint = await openCheckpoint(folder);
  const blocks = [...checkpoint.weights].some((view) => view.blocks !== undefined);
  const provider = await chooseProvider(requested, { blocks });
  const widen = chooseWidening(checkpoint, provider.provider);
  const target = chooseTarget(provider, widen);
  const graphs = compileGraphs(checkpoint, target);
  const memory = await planMemory(checkpoint, provider, target);
  const hashing = fingerprintCheckpoint(folder, hooks.signal === undefined ? {} : { signal: hooks.signal });
  hashing.catch(() => undefined);
  await reportProgress(hooks, 'load', 1, total);
  const source = { weightsFolder: checkpoint.weights.folder, provider: provider.provider, widen };
  const open = (graph: Uint8Array) => new ResidentSession({ ...source, graph }, memory);
  const [vision, decoder, headSession] = [open(graphs.vision), open(graphs.decoder), open(graphs.head)];
  const sessions = [vision, decoder, headSession];
  const release = async () => {
    for (const session of sessions) await session.release();
  };
  try {
    for (const [index, session] of sessions.entries()) {
      await session.load();
      await session.rest();
      await reportProgress(hooks, 'load', 2 + index, total);
    }
    const head = new LensHead(headSession, {
      numTokens: numTokens(checkpoint),
      dModel: checkpoint.config.decoder.dModel,
      slices: graphs.slices,
      chunkBytes: lensChunkBytes(memory.run),
      rankSlots: target.rankSlots,
      grow: (rankSlots) =>
        headSession.replace(compileHead(checkpoint, { ...target, rankSlots }, graphs.slices)),
    });
    const model: Model = { checkpoint, fingerprint: await hashing, provider, memory, vision, decoder, head };
    const gate = await checkParity(model);
    await reportProgress(hooks, 'load', total, total);
    const limitDepth = depthLimiter(checkpoint, target, decoder);
    return { ...model, gate, loadMilliseconds: performance.now() - started, limitDepth, release };
  } catch (error) {
    await release();
    throw asLoadError(error, folder);
  }
}

/** Another depth is another graph: ONNX Runtime computes all of a graph, whatever is fetched from it. */
function depthLimiter(
  { family, config, weights }: Checkpoint,
  target: GraphTarget,
  decoder: ResidentSession,
): LoadedModel['limitDepth'] {
  let current = config.decoder.numLayers;
  return async (depth) => {
    if (depth === current) return;
    await decoder.replace(family.buildDecoder(config, weights, target, { start: 0, end: depth }));
    current = depth;
  };
}

/**
 * Compiles the three graphs; nothing of the weights is read but their place.
 *
 * @throws FundusLensError `model.tensor-*` when a tensor is missing, left over or of the wrong shape
 */
export function compileGraphs(checkpoint: Checkpoint, target: GraphTarget) {
  const { family, config, weights } = checkpoint;
  const vision = family.buildVision(config, weights, target);
  const decoder = family.buildDecoder(config, weights, target);
  const slices = sliceTokens(numTokens(checkpoint), bytesPerToken(checkpoint, target), target.maxBufferBytes);
  const head = compileHead(checkpoint, target, slices);
  weights.assertNothingLeftOver(isIgnorableTensor);
  return { vision, decoder, head, slices };
}

function compileHead(
  { config, weights, unembedding }: Checkpoint,
  target: GraphTarget,
  slices: readonly TokenSlice[],
): Uint8Array {
  return buildLensHead(config.decoder, weights, target, { unembedding, slices });
}

export type CompiledGraphs = ReturnType<typeof compileGraphs>;

/** Of the largest buffer that holds the unembedding: as it is stored, unless it is widened for its product. */
function bytesPerToken({ weights, unembedding, config }: Checkpoint, { int8 }: GraphTarget): number {
  const { blocks } = weights.view(unembedding);
  const { dModel } = config.decoder;
  if (blocks === undefined || (blocks.bits === 8 && int8 === 'dequantised')) return 4 * dModel;
  return dataBytesPerRow(dModel, blocks);
}

/** @throws FundusLensError `model.too-large` */
async function planMemory(
  checkpoint: Checkpoint,
  { provider, deviceMemoryBytes }: ChosenProvider,
  { attention, widen }: GraphTarget,
): Promise<ModelMemory> {
  const weights = weighCheckpoint(checkpoint);
  const run = { onDevice: provider !== 'cpu', attention, widen };
  const available = await measureMemory(deviceMemoryBytes);
  const residence = fitModel(checkpoint.folder, estimateNeeds(weights, checkpoint.config, run), available);
  const staysLoaded = run.onDevice ? residence === 'together' : staysOnHost(weights, run);
  return { weights, run, staysLoaded };
}

function asLoadError(error: unknown, folder: string): unknown {
  if (
    error instanceof Error &&
    /memory|bad_alloc/i.test(error.message) &&
    !(error instanceof FundusLensError)
  ) {
    return new FundusLensError(
      'engine.out-of-memory',
      `There is not enough memory for the model in ${folder}.`,
      {
        expected: 'the memory that `fundus-lens inspect` states',
        found: error.message.split('\n')[0]!,
        advice: 'Close other programs, or use a smaller checkpoint.',
        cause: error,
      },
    );
  }
  return error;
}
