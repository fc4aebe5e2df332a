import type { PrepareStage } from '../../contract/models/prepared-model.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { Journal } from './journal.ts';
import type { PlannedTensor, PreparePlan } from './plan.ts';
import type { PrepareThreads } from './prepare-threads.ts';

/** Elements of a chunk: 4 MB as float32, and about as much again while it is converted. */
const chunkElements = 1 << 20;

interface WriteContext {
  readonly threads: PrepareThreads;
  readonly journal: Journal;
  readonly hooks: { readonly signal?: AbortSignal };
  readonly report: (stage: PrepareStage, done: number, total: number, tensor: string | null) => void;
}

/**
 * Converts every tensor that the journal does not hold yet. Chunks of a tensor run at the same time, and so do the last
 * chunks of one tensor and the first of the next.
 */
export async function writeTensors(
  plan: PreparePlan,
  weightsFile: string,
  { threads, journal, hooks, report }: WriteContext,
): Promise<void> {
  const total = plan.tensors.reduce((sum, { source }) => sum + source.byteLength, 0);
  const missing = plan.tensors.filter(({ name }) => journal.get(name) === undefined);
  let done = total - missing.reduce((sum, { source }) => sum + source.byteLength, 0);
  let last: string | null = null;
  report('weights', done, total, last);

  const open: Promise<void>[] = [];
  const failure: { error: unknown } = { error: null };
  const stop = () => {
    if (hooks.signal?.aborted === true)
      throw new FundusLensError('engine.cancelled', 'Preparing was cancelled.');
    if (failure.error !== null) throw failure.error as Error;
  };
  const aborted = abortOf(hooks.signal);
  try {
    for (const tensor of missing) {
      const parts: Promise<Sums>[] = [];
      for (const [firstRow, numRows] of chunksOf(tensor)) {
        const started = threads.start({ kind: 'rows', tensor, weightsFile, firstRow, numRows });
        const { result } = await Promise.race([started, aborted.promise]);
        stop();
        parts.push(result);
        void result.then(
          () => report('weights', (done += (tensor.source.byteLength * numRows) / tensor.rows), total, last),
          () => undefined,
        );
      }
      open.push(
        seal(tensor, parts).catch((error: unknown) => {
          failure.error ??= error;
        }),
      );
    }
    await Promise.race([Promise.all(open), aborted.promise]);
    stop();
  } finally {
    aborted.release();
  }

  async function seal(tensor: PlannedTensor, parts: readonly Promise<Sums>[]): Promise<void> {
    const sums = await Promise.all(parts);
    const error = sums.reduce((sum, { squaredError }) => sum + squaredError, 0);
    const norm = sums.reduce((sum, { squaredNorm }) => sum + squaredNorm, 0);
    const { result } = await threads.start({ kind: 'hash', tensor, weightsFile });
    const { sha256 } = await result;
    journal.add({
      name: tensor.name,
      sha256: sha256!,
      relativeError: norm === 0 ? 0 : Math.sqrt(error / norm),
    });
    last = tensor.name;
  }
}

interface Sums {
  readonly squaredError: number;
  readonly squaredNorm: number;
}

/** [first row, rows], in order. */
function* chunksOf({ rows, columns }: PlannedTensor): Generator<[number, number]> {
  const perChunk = Math.max(1, Math.floor(chunkElements / columns));
  for (let row = 0; row < rows; row += perChunk) yield [row, Math.min(perChunk, rows - row)];
}

/** A promise that fails when the signal aborts. */
function abortOf(signal: AbortSignal | undefined): { promise: Promise<never>; release: () => void } {
  let onAbort: () => void = () => undefined;
  const promise = new Promise<never>((_, reject) => {
    onAbort = () => reject(new FundusLensError('engine.cancelled', 'Preparing was cancelled.'));
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort);
  });
  promise.catch(() => undefined);
  return { promise, release: () => signal?.removeEventListener('abort', onAbort) };
}
