import path from 'node:path';
import type { ProvidersView } from '../../../contract/models/providers.ts';
import { exitCodes } from '../../exit-codes.ts';
import { followTask, reportEnd } from '../tasks/follow-tasks.ts';
import { withLibrary } from '../library-context.ts';
import type { LibraryOptions } from '../library-context.ts';
import { drawProviders } from '../pictures/providers-picture.ts';
import { print } from '../../terminal/standard-output.ts';

export interface InstallOptions extends LibraryOptions {
  /** A package that was brought here; the feed is not asked. */
  readonly from?: string | undefined;
  readonly sha512?: string | undefined;
  /** Another feed, remembered; `default` for nuget.org. */
  readonly feed?: string | undefined;
}

/** Lists what this machine can compute with. @returns the exit code */
export function runListProviders(
  options: LibraryOptions & { readonly json?: boolean | undefined },
): Promise<number> {
  return withLibrary(options, { create: true }, async ({ client }) => {
    await printView(await client.providers.list(), options.json === true);
    return exitCodes.done;
  });
}

/** Brings the CUDA library here, and tries it. @returns the exit code */
export function runInstallCuda({ from, sha512, feed, ...options }: InstallOptions): Promise<number> {
  return withLibrary(options, { create: true }, async (tools) => {
    const { client } = tools;
    if (feed !== undefined) await client.settings.patch({ cudaFeed: feed === 'default' ? null : feed });
    const source =
      from === undefined
        ? ({ from: 'feed' } as const)
        : ({ from: 'file', path: path.resolve(from), ...(sha512 === undefined ? {} : { sha512 }) } as const);
    const { taskId } = await client.providers.installCuda(source);
    const task = await followTask(tools, taskId);
    if (task.state !== 'done') return reportEnd(task);
    await printView(await client.providers.list(), false);
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

async function printView(view: ProvidersView, asJson: boolean): Promise<void> {
  await print(asJson ? `${JSON.stringify(view, null, 2)}\n` : drawProviders(view));
}
