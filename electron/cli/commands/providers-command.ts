import path from 'node:path';
import { deserializeError } from '../../contract/errors.ts';
import type { LibraryPhase, ProvidersView } from '../../contract/providers.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions, LibraryTools } from './library-context.ts';
import { drawProviders } from './providers-picture.ts';
import { print } from '../terminal/standard-output.ts';
import { StepBar } from '../terminal/step-bar.ts';

export interface InstallOptions extends LibraryOptions {
  /** A package that was brought here; the feed is not asked. */
  readonly from?: string | undefined;
  readonly sha512?: string | undefined;
  /** Another feed, remembered; `default` for nuget.org. */
  readonly feed?: string | undefined;
}

const phaseNames: Readonly<Record<LibraryPhase, string>> = {
  ask: 'Asking the feed',
  fetch: 'Fetching',
  waiting: 'Waiting for the feed',
  hash: 'Hashing',
  unpack: 'Unpacking',
  trial: 'Trying the providers',
};

/** Lists what this machine can compute with. @returns the exit code */
export function runListProviders(
  options: LibraryOptions & { readonly json?: boolean | undefined },
): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    await tell(await client.providers.list(), options.json === true);
    return exitCodes.done;
  });
}

/** Brings the CUDA library here, and tries it. @returns the exit code */
export function runInstallCuda({ from, sha512, feed, ...options }: InstallOptions): Promise<number> {
  return withLibrary(options, { create: true }, async (tools) => {
    const { client, workbench, signal } = tools;
    if (feed !== undefined) await client.settings.patch({ cudaFeed: feed === 'default' ? null : feed });
    const source =
      from === undefined
        ? ({ from: 'feed' } as const)
        : ({ from: 'file', path: path.resolve(from), ...(sha512 === undefined ? {} : { sha512 }) } as const);
    const end = followProgress(tools);
    const interrupt = () => void client.providers.cancelCuda();
    signal.addEventListener('abort', interrupt, { once: true });
    await client.providers.installCuda(source);
    const problem = await workbench.cudaLibrary.wait();
    await end();
    if (problem !== null) {
      const error = deserializeError(problem);
      process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
      return exitCodeOf(error);
    }
    if (signal.aborted) {
      process.stderr.write('fundus-lens: interrupted. The same command goes on from here.\n');
      return exitCodes.cancelled;
    }
    await tell(await client.providers.list(), false);
    return exitCodes.done;
  });
}

/** Takes the CUDA library away. @returns the exit code */
export function runRemoveCuda(options: LibraryOptions): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    await client.providers.removeCuda({ confirmed: true });
    await print('The CUDA library was removed.\n');
    return exitCodes.done;
  });
}

async function tell(view: ProvidersView, asJson: boolean): Promise<void> {
  await print(asJson ? `${JSON.stringify(view, null, 2)}\n` : drawProviders(view));
}

/** Shows what the installation does. @returns what ends it */
function followProgress({ client }: LibraryTools): () => Promise<void> {
  const bar = new StepBar(process.stderr);
  const listening = new AbortController();
  const listen = async () => {
    for await (const event of await client.events.subscribe(undefined, { signal: listening.signal })) {
      if (event.type !== 'cuda-library' || event.cuda.progress === null) continue;
      const { phase, done, total } = event.cuda.progress;
      bar.update(phaseNames[phase], done, total, null);
    }
  };
  const listened = listen().catch(() => undefined);
  return async () => {
    listening.abort();
    await listened;
    bar.clear();
  };
}
