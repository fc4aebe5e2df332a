import { FundusLensError } from '../common/errors.ts';
import type { ProviderChoice } from '../common/lens-trace.ts';
import { fingerprintCheckpoint } from './checkpoint/fingerprint.ts';
import { isIgnorableTensor, openCheckpoint, type Checkpoint } from './checkpoint/open-checkpoint.ts';
import type { GraphTarget } from './graph/graph-target.ts';
import { buildLensHead } from './graph/lens-head.ts';
import { LensHead } from './lens/lens-head.ts';
import { checkParity } from './lens/parity-gate.ts';
import { numTokens, type LoadedModel, type Model } from './model.ts';
import { chooseProvider } from './runtime/providers.ts';
import { ResidentSession } from './runtime/resident-session.ts';
import { reportProgress, type TraceHooks } from './trace-hooks.ts';

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
  const provider = await chooseProvider(requested);
  const target: GraphTarget = {
    attention: provider.fusedAttention ? 'fused' : 'composed',
    rankSlots: provider.provider === 'cpu' ? 0 : rankSlots,
  };
  const graphs = compileGraphs(checkpoint, target);
  const hashing = fingerprintCheckpoint(folder, hooks.signal === undefined ? {} : { signal: hooks.signal });
  hashing.catch(() => undefined);
  await reportProgress(hooks, 'load', 1, total);
  const source = { weightsFolder: checkpoint.weights.folder, provider: provider.provider };
  const staysLoaded = provider.provider !== 'cpu' || !isMappedInPlace(checkpoint);
  const open = (graph: Uint8Array) => new ResidentSession({ ...source, graph }, { staysLoaded });
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
  const head = buildLensHead(config.decoder, weights, {
    unembedding,
    numTokens: numTokens(checkpoint),
    rankSlots: target.rankSlots,
  });
  weights.assertNothingLeftOver(isIgnorableTensor);
  return { vision, decoder, head };
}

/** Whether the runtime can use every weight where it lies in the file, without a converted copy. */
function isMappedInPlace({ weights }: Checkpoint): boolean {
  return [...weights].every(({ dtype }) => dtype === 'F32');
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
