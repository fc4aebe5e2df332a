import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ORPCError } from '@orpc/server';
import { deserializeError, problemSchema } from '../../contract/problem.ts';
import { findAppFolders } from '../../shell/app-folders.ts';
import { createWorkbench } from '../../workbench/open-workbench.ts';
import type { ClusterAddress } from '../../workbench/cluster/cluster-connection.ts';
import type { Workbench } from '../../workbench/open-workbench.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { cancelOnInterrupt } from '../terminal/interrupt.ts';

export interface LibraryOptions {
  /** Library folder; the app's own when left out. */
  readonly library?: string | undefined;
}

export interface OpenMode {
  /** Whether an absent library is made. */
  readonly create?: boolean;
  /** Whether queued tasks run in this process. */
  readonly runQueue?: boolean;
  /** Whether the library is one for this command alone, deleted at its end. */
  readonly isTemporary?: boolean;
  /** Where experiments are computed; null here. */
  readonly cluster?: ClusterAddress | null;
}

export interface LibraryTools {
  readonly workbench: Workbench;
  readonly client: Workbench['client'];
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Opens the library for one command and closes it in any case.
 *
 * @param work returns the exit code; what it throws is told on stderr
 */
export async function withLibrary(
  { library }: LibraryOptions,
  { create = false, runQueue = false, isTemporary = false, cluster = null }: OpenMode,
  work: (tools: LibraryTools) => Promise<number>,
): Promise<number> {
  const temporary = isTemporary ? await mkdtemp(path.join(tmpdir(), 'fundus-lens-')) : null;
  const folders = findAppFolders(temporary === null ? library : path.join(temporary, 'library'));
  let workbench: Workbench | null = null;
  const close = async () => {
    await workbench?.close();
  };
  const signal = cancelOnInterrupt(close);
  try {
    workbench = await createWorkbench({
      libraryFolder: folders.library,
      cacheFolder: temporary === null ? folders.cache : path.join(temporary, 'cache'),
      controlsFolder: path.join(folders.cache, 'controls'),
      modelsFolder: folders.models,
      librariesFolder: folders.libraries,
      settingsFile: folders.settingsFile,
      // A library that a person makes from the command line holds what that person puts in.
      samplesFolder: null,
      demoModelFolder: null,
      actor: 'command line',
      create,
      runQueue,
      cluster,
      // A library that ends with its command has nothing to gain from a second try.
      runner: { retries: temporary === null },
    });
    return await work({ workbench, client: workbench.client, signal });
  } catch (error) {
    const cause = restore(error);
    if (signal.aborted) return exitCodes.cancelled;
    process.stderr.write(`fundus-lens: ${describeError(cause)}\n`);
    return exitCodeOf(cause);
  } finally {
    await close();
    if (temporary !== null) await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What a call of the contract threw, as it was before it travelled. */
function restore(error: unknown): unknown {
  if (!(error instanceof ORPCError)) return error;
  const problem = problemSchema.safeParse(error.data);
  if (!problem.success) return error;
  return problem.data.code === 'internal' ? (error.cause ?? error) : deserializeError(problem.data);
}
