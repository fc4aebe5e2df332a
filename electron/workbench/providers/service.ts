import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { problemOf } from '../../contract/problem.ts';
import type { Problem } from '../../contract/problem.ts';
import type { CudaLibrary, LibraryPhase, ProvidersReport, ProvidersView } from '../../contract/providers.ts';
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
import type { InstallHooks } from '../../model-hub/provider-library/install-library.ts';
import type { Services } from '../services.ts';

export interface ProviderManagerOptions {
  readonly onError: (event: string, error: unknown) => void;
  /** Of tests, which have no patience. */
  readonly stallMilliseconds?: number | undefined;
  readonly rules?: FetchRules | undefined;
}

/** Where a person wants the CUDA library from. */
export type LibrarySource =
  | { readonly from: 'feed' }
  | { readonly from: 'file'; readonly path: string; readonly sha512?: string | undefined };

interface Installation {
  readonly controller: AbortController;
  progress: NonNullable<CudaLibrary['progress']>;
  /** Tells the latest progress soon; a word for every chunk would be too many. */
  timer: NodeJS.Timeout | undefined;
  ended: Promise<void>;
}

const publicFeed = 'https://api.nuget.org/v3/index.json';
const tellEvery = 200;

/** What this machine can compute with, and the one library for it that is not part of the software. */
export class ProviderManager {
  readonly #desk: Pick<Services, 'engines' | 'events' | 'settings' | 'folders'>;
  readonly #options: ProviderManagerOptions;
  #report: Promise<ProvidersReport> | null = null;
  #installation: Installation | null = null;
  #problem: Problem | null = null;

  constructor(
    desk: Pick<Services, 'engines' | 'events' | 'settings' | 'folders'>,
    options: ProviderManagerOptions,
  ) {
    this.#desk = desk;
    this.#options = options;
  }

  /**
   * Every provider and the library. Trials take seconds, so what an earlier one showed is told again.
   *
   * @param fresh tries the providers anew
   */
  async view(fresh: boolean): Promise<ProvidersView> {
    const { providers, runtime } = await this.#look(fresh);
    return { providers, runtime, cuda: await this.#describe(runtime) };
  }

  /** Begins to install the library; one under way goes on. @throws FundusLensError `provider.no-library` */
  async install(source: LibrarySource): Promise<CudaLibrary> {
    const { runtime } = await this.#look(false);
    const unsupported = whyNoLibrary(runtime);
    if (unsupported !== null) throw unsupported;
    if (this.#installation === null) {
      this.#problem = null;
      const progress = { phase: 'ask', done: 0, total: 0 } as const;
      const ended = Promise.resolve();
      const installation: Installation = {
        controller: new AbortController(),
        progress,
        timer: undefined,
        ended,
      };
      this.#installation = installation;
      installation.ended = this.#install(installation, source, runtime);
    }
    return this.#describe(runtime);
  }

  /** Ends an installation under way; what has arrived of the package is kept. */
  async cancel(): Promise<CudaLibrary> {
    const { runtime } = await this.#look(false);
    this.#installation?.controller.abort();
    await this.wait();
    return this.#describe(runtime);
  }

  /** Takes the library away. @throws FundusLensError `provider.in-place`, `output.unwritable` */
  async remove(): Promise<ProvidersView> {
    await this.cancel();
    const { runtime } = await this.#look(false);
    await removeLibrary(runtime);
    this.#problem = null;
    return this.view(true);
  }

  /** Waits for an installation under way. @returns why it ended early; null when it did not */
  async wait(): Promise<Problem | null> {
    await this.#installation?.ended;
    return this.#problem;
  }

  /** Offline mode was switched on: a download stops at once. */
  async settingsChanged(): Promise<void> {
    if (!this.#desk.settings.get().offline) return;
    this.#installation?.controller.abort(
      new FundusLensError('hub.offline', 'Offline mode was switched on.', {
        advice: 'Switch it off in the settings, then start again; what has arrived is kept.',
      }),
    );
    await this.wait();
  }

  async close(): Promise<void> {
    this.#installation?.controller.abort();
    await this.wait();
  }

  #look(fresh: boolean): Promise<ProvidersReport> {
    if (!fresh && this.#report !== null) return this.#report;
    const report = this.#desk.engines.providers();
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
    const { cudaFeed, offline } = this.#desk.settings.get();
    return {
      unsupported: unsupported === null ? null : problemOf(unsupported),
      installed,
      feed: cudaFeed ?? publicFeed,
      offline,
      progress: this.#installation === null ? null : { ...this.#installation.progress },
      problem: this.#problem,
    };
  }

  async #install(installation: Installation, source: LibrarySource, place: RuntimePlace): Promise<void> {
    const { signal } = installation.controller;
    const onProgress = (phase: LibraryPhase, done: number, total: number) => {
      const isNew = phase !== installation.progress.phase;
      installation.progress = { phase, done, total };
      if (isNew) void this.#tell(place);
      installation.timer ??= setTimeout(() => {
        installation.timer = undefined;
        void this.#tell(place);
      }, tellEvery);
    };
    try {
      await this.#bring(source, place, { signal, onProgress });
      onProgress('trial', 0, 0);
      await this.#look(true);
    } catch (error) {
      // A person's own word needs no explanation.
      if (!signal.aborted || signal.reason instanceof FundusLensError) this.#problem = problemOf(error);
      if (this.#problem?.code === 'internal') this.#options.onError('cuda-library', error);
    } finally {
      clearTimeout(installation.timer);
      this.#installation = null;
      await this.#tell(place);
    }
  }

  async #bring(source: LibrarySource, place: RuntimePlace, hooks: InstallHooks): Promise<void> {
    if (source.from === 'file') {
      await installFromFile(path.resolve(source.path), source.sha512 ?? null, place, hooks);
      return;
    }
    const { settings, folders } = this.#desk;
    const { stallMilliseconds, rules } = this.#options;
    const client = new HubClient({
      endpoint: settings.get().cudaFeed ?? publicFeed,
      isOffline: () => settings.get().offline,
      ...(stallMilliseconds === undefined ? {} : { stallMilliseconds }),
    });
    await installFromFeed(client, place, path.join(folders.cache, 'cuda-library'), hooks, rules);
  }

  async #tell(place: RuntimePlace): Promise<void> {
    this.#desk.events.publish({ type: 'cuda-library', cuda: await this.#describe(place) });
  }
}
