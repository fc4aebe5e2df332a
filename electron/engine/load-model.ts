import { FundusLensError } from '../common/errors.ts';
import type { ProviderChoice, ProviderName } from '../common/lens-trace.ts';
import { fingerprintCheckpoint } from './checkpoint/fingerprint.ts';
import { isIgnorableTensor, openCheckpoint, type Checkpoint } from './checkpoint/open-checkpoint.ts';
import { dataBytesPerRow } from './checkpoint/block-format.ts';
import { cpuTarget, type GraphTarget } from './graph/graph-target.ts';
import { buildLensHead } from './graph/lens-head.ts';
import { sliceTokens } from './graph/token-slices.ts';
import { LensHead } from './lens/lens-head.ts';
import { checkParity } from './lens/parity-gate.ts';
import { numTokens, type LoadedModel, type Model } from './model.ts';
import { chooseProvider, type ChosenProvider } from './runtime/providers.ts';
import { ResidentSession } from './runtime/resident-session.ts';
import { reportProgress, type TraceHooks } from './trace-hooks.ts';

/** Weights up to this size are widened when they are loaded. */
export const smallBytes = 2 ** 30;
/** Of the unembedding widened on the cpu. */
const widenedBytes = 256 * 2 ** 20;
/** What every device that runs a large model lets one buffer hold. */
const deviceBufferBytes = 1e9;
/** Concept slots compiled into the head where the graph counts ranks; larger sets take several passes. */
const rankSlots = 8;

/**
 * Compiles a checkpoint's three graphs, loads them and lets the parity gate judge the result.
 *
 * @throws FundusLensError `model.*` for anything wrong with the files, `provider.unavailable`,
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
  const hashing = fingerprintCheckpoint(folder, hooks.signal === undefined ? {} : { signal: hooks.signal });
  hashing.catch(() => undefined);
  await reportProgress(hooks, 'load', 1, total);
  const source = { weightsFolder: checkpoint.weights.folder, provider: provider.provider, widen };
  const residence = { staysLoaded: staysLoaded(checkpoint, provider, widen) };
  const open = (graph: Uint8Array) => new ResidentSession({ ...source, graph }, residence);
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
      rankSlots: target.rankSlots,
    });
    const model: Model = { checkpoint, fingerprint: await hashing, provider, vision, decoder, head };
    const gate = await checkParity(model);
    await reportProgress(hooks, 'load', total, total);
    return { ...model, gate, loadMilliseconds: performance.now() - started, release };
  } catch (error) {
    await release();
    throw asLoadError(error, folder);
  }
}

/**
 * Compiles the three graphs; nothing of the weights is read but their place.
 *
 * @throws FundusLensError `model.tensor-*` when a tensor is missing, left over or of the wrong shape
 */
export function compileGraphs(checkpoint: Checkpoint, target: GraphTarget) {
  const { architecture, config, weights, unembedding } = checkpoint;
  const vision = architecture.buildVision(config, weights, target);
  const decoder = architecture.buildDecoder(config, weights, target);
  const slices = sliceTokens(numTokens(checkpoint), bytesPerToken(checkpoint, target), target.maxBufferBytes);
  const head = buildLensHead(config.decoder, weights, target, { unembedding, slices });
  weights.assertNothingLeftOver(isIgnorableTensor);
  return { vision, decoder, head, slices };
}

export type CompiledGraphs = ReturnType<typeof compileGraphs>;

/** Of the largest buffer that holds the unembedding: as it is stored, unless it is widened for its product. */
function bytesPerToken({ weights, unembedding, config }: Checkpoint, { int8 }: GraphTarget): number {
  const { blocks } = weights.view(unembedding);
  const { dModel } = config.decoder;
  if (blocks === undefined || (blocks.bits === 8 && int8 === 'dequantised')) return 4 * dModel;
  return dataBytesPerRow(dModel, blocks);
}

/**
 * Float32 weights are used where they lie in the file. Smaller ones of a small checkpoint are widened once, when it is
 * loaded; a larger one would not fit then, so its matrices are widened one by one in every pass.
 */
function chooseWidening({ weights, prepared }: Checkpoint, provider: ProviderName): 'once' | 'per-use' {
  const views = [...weights];
  const bytes = views.reduce((sum, view) => sum + view.byteLength, 0);
  if (provider === 'cpu') {
    if (prepared !== null) return 'per-use';
    return views.every(({ dtype }) => dtype === 'F32') || bytes <= smallBytes ? 'once' : 'per-use';
  }
  // Devices know float16 but not bfloat16, which only the optimiser can widen for them.
  return bytes > smallBytes && views.every(({ dtype }) => dtype !== 'BF16') ? 'per-use' : 'once';
}

function chooseTarget({ provider, fusedAttention }: ChosenProvider, widen: 'once' | 'per-use'): GraphTarget {
  const attention = fusedAttention ? 'fused' : 'composed';
  if (provider === 'cpu')
    return { ...cpuTarget, attention, widen, maxBufferBytes: widen === 'once' ? Infinity : widenedBytes };
  return { attention, rankSlots, int8: 'fused', widen, maxBufferBytes: deviceBufferBytes };
}

/**
 * Whether a graph stays in memory between its runs. On the cpu only what loading had to convert does; mapped weights
 * cost almost nothing to map again.
 */
function staysLoaded(
  { weights }: Checkpoint,
  { provider }: ChosenProvider,
  widen: 'once' | 'per-use',
): boolean {
  if (provider !== 'cpu') return true;
  return widen === 'once' && ![...weights].every(({ dtype }) => dtype === 'F32');
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
