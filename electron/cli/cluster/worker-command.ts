import { FundusLensError } from '../../contract/errors.ts';
import type { TraceRequest } from '../../engine/lens-trace/trace-request.ts';
import { findAppFolders } from '../../shell/app-folders.ts';
import { runWorker } from '../../workbench/cluster/worker.ts';
import { exitCodes } from '../exit-codes.ts';
import { clusterOf } from './cluster-options.ts';
import type { ClusterOptions } from './cluster-options.ts';

export interface WorkerCommandOptions extends ClusterOptions {
  readonly models?: string | undefined;
  readonly gpus?: readonly string[] | undefined;
  readonly provider?: TraceRequest['provider'] | undefined;
  readonly untilEmpty?: boolean | undefined;
}

/** Computes chunks until it is asked to end. @returns the exit code */
export async function runWorkerCommand(options: WorkerCommandOptions): Promise<number> {
  const address = clusterOf(options);
  if (address === null)
    throw new FundusLensError('cluster.not-configured', 'No cluster was named.', {
      expected: 'a queue and a storage',
      advice: 'Name them with --queue and --storage.',
    });
  const drain = new AbortController();
  const abort = new AbortController();
  const end = () => {
    if (drain.signal.aborted) abort.abort();
    drain.abort();
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  const folders = findAppFolders();
  await runWorker({
    ...address,
    models: options.models,
    gpus: options.gpus,
    ...(options.provider === undefined ? {} : { provider: options.provider }),
    untilEmpty: options.untilEmpty ?? false,
    cacheFolder: folders.cache,
    librariesFolder: folders.libraries,
    drain: drain.signal,
    abort: abort.signal,
    say: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
  });
  return exitCodes.done;
}
