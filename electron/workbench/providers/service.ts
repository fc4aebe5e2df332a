import path from 'node:path';
import { problemOf } from '../../contract/problem.ts';
import type { CudaLibrary, ProvidersReport, ProvidersView } from '../../contract/models/providers.ts';
import { HubClient } from '../../model-hub/hub/hub-client.ts';
import type { FetchRules } from '../../model-hub/patience.ts';
import type { RuntimePlace } from '../../model-hub/provider-library/cuda-package.ts';
import {
  installFromFeed,
  installFromFile,
  readLibraryRecord,
  removeLibrary,
  whyNoLibrary,
} from '../../model-hub/provider-library/install-library.ts';
import type { WorkHooks } from '../../tasks/queued-work.ts';
import type { RunningTasks } from '../../tasks/running-tasks.ts';
import type { Engines } from '../engines.ts';
import type { WorkbenchFolders } from '../folders.ts';
import type { SettingsFile } from '../settings/settings-file.ts';

interface ProviderTools {
  readonly engines: Engines;
  readonly settings: SettingsFile;
  readonly folders: WorkbenchFolders;
  readonly running: RunningTasks;
}

export interface ProviderManagerOptions {
  /** Of tests, which have no patience. */
  readonly stallMilliseconds?: number | undefined;
  readonly rules?: FetchRules | undefined;
}

/** Where a person wants the CUDA library from. */
export type LibrarySource =
  | { readonly from: 'feed' }
  | { readonly from: 'file'; readonly path: string; readonly sha512?: string | undefined };

const publicFeed = 'https://api.nuget.org/v3/index.json';
/** There is one library, and so one installation at a time. */
const installTask = 'cuda-install';

/** What this machine can compute with, and the one library for it that is not part of the software. */
export class ProviderManager {
  readonly #tools: ProviderTools;
  readonly #options: ProviderManagerOptions;
  #report: Promise<ProvidersReport> | null = null;

  constructor(tools: ProviderTools, options: ProviderManagerOptions) {
    this.#tools = tools;
    this.#options = options;
  }

  /**
   * Every provider and the library. Trials take seconds, so what an earlier one showed is kept.
   *
   * @param fresh tries the providers again
   */
  async view(fresh: boolean): Promise<ProvidersView> {
    const { providers, runtime } = await this.#look(fresh);
    return { providers, runtime, cuda: await this.#describe(runtime) };
  }

  /**
   * Begins to install the library; an installation under way goes on. What has arrived of the package is kept when it
   * ends early.
   *
   * @returns the task's id
   * @throws FundusLensError `provider.no-library`
   */
  async install(source: LibrarySource): Promise<string> {
    const { runtime } = await this.#look(false);
    const unsupported = whyNoLibrary(runtime);
    if (unsupported !== null) throw unsupported;
    const { id } = this.#tools.running.start({
      id: installTask,
      kind: 'cuda-install',
      title: {},
      createdAt: new Date().toISOString(),
      resumable: true,
      repeatable: true,
      usesNetwork: source.from === 'feed',
      run: async (hooks) => {
        await this.#bring(source, runtime, hooks);
        hooks.onProgress('trial', 0, 0);
        await this.#look(true);
        // One that has begun without the library does not find it any more.
        await this.#tools.engines.closeIdle();
        return null;
      },
    });
    return id;
  }

  /** Takes the library away. @throws FundusLensError `provider.in-place`, `output.unwritable` */
  async remove(): Promise<ProvidersView> {
    const { running } = this.#tools;
    await running.cancelAll('cuda-install');
    await running.act('dismiss', [installTask]);
    const { runtime } = await this.#look(false);
    await removeLibrary(runtime);
    return this.view(true);
  }

  #look(fresh: boolean): Promise<ProvidersReport> {
    if (!fresh && this.#report !== null) return this.#report;
    const report = this.#tools.engines.providers();
    this.#report = report;
    report.catch(() => {
      if (this.#report === report) this.#report = null;
    });
    return report;
  }

  async #describe(runtime: RuntimePlace): Promise<CudaLibrary> {
    const unsupported = whyNoLibrary(runtime);
    const record = await readLibraryRecord(runtime);
    const installed = record && {
      version: record.version,
      bytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
      installedAt: record.installedAt,
      from: record.from,
      sha512: record.sha512,
      compared: record.compared,
    };
    const { cudaFeed, offline } = this.#tools.settings.get();
    return {
      unsupported: unsupported === null ? null : problemOf(unsupported),
      installed,
      feed: cudaFeed ?? publicFeed,
      offline,
    };
  }

  async #bring(source: LibrarySource, place: RuntimePlace, hooks: WorkHooks): Promise<void> {
    if (source.from === 'file') {
      await installFromFile(path.resolve(source.path), source.sha512 ?? null, place, hooks);
      return;
    }
    const { settings, folders } = this.#tools;
    const { stallMilliseconds, rules } = this.#options;
    const client = new HubClient({
      endpoint: settings.get().cudaFeed ?? publicFeed,
      isOffline: () => settings.get().offline,
      ...(stallMilliseconds === undefined ? {} : { stallMilliseconds }),
    });
    await installFromFeed(client, place, path.join(folders.cache, 'cuda-library'), hooks, rules);
  }
}
