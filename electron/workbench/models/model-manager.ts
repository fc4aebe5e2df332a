import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ModelOffer, ModelOrigin, PrepareChoices, Room } from '../../contract/models/models.ts';
import { preparedFiles } from '../../contract/models/prepared-model.ts';
import type { Task } from '../../contract/app/tasks.ts';
import type { Model } from '../../contract/models/models.ts';
import { fetchModel, nameForPeople, offerModel } from '../../model-hub/fetch-model.ts';
import type { FetchModelOptions } from '../../model-hub/fetch-model.ts';
import { presentBytes } from '../../model-hub/fetch-file.ts';
import type { FileSource } from '../../model-hub/file-source.ts';
import { findHubCache, listHubCache, verifySnapshot } from '../../model-hub/hub-cache.ts';
import { hubSource, openHubSource } from '../../model-hub/hub/hub-source.ts';
import { openLocalSource } from '../../model-hub/local-source.ts';
import { ModelStore, nameOfOrigin } from '../../model-hub/model-store.ts';
import { PartialFolder } from '../../model-hub/partial-folder.ts';
import type { PartialState } from '../../model-hub/partial-folder.ts';
import type { FetchRules } from '../../model-hub/patience.ts';
import { measureRoom } from '../../model-hub/room.ts';
import type { WorkHooks } from '../../tasks/queued-work.ts';
import type { RunningTasks } from '../../tasks/running-tasks.ts';
import type { TaskPlan } from '../../tasks/task-plan.ts';
import { addModel } from './stored-models.ts';
import { HubAccount } from './hub-account.ts';
import type { ModelTools } from './model-tools.ts';
import { preparePlan } from './prepare-task.ts';
import { verifyPlan } from './verify-task.ts';
import type { VerifyChoices } from './verify-task.ts';

export interface ModelManagerOptions {
  /** Where the token lies; in memory only when null. */
  readonly tokenFile: string | null;
  /** Whether downloads that an earlier start left go on by themselves. */
  readonly resumes: boolean;
  readonly onError: (event: string, error: unknown) => void;
  /** Of tests, which have no patience. */
  readonly stallMilliseconds?: number | undefined;
  readonly rules?: FetchRules | undefined;
}

/** Brings models to this computer and takes them away again. */
export class ModelManager {
  readonly store: ModelStore;
  readonly account: HubAccount;
  readonly #tools: ModelTools;
  readonly #running: RunningTasks;
  readonly #options: ModelManagerOptions;
  #started: Promise<void> | null = null;

  constructor(tools: ModelTools & { readonly running: RunningTasks }, options: ModelManagerOptions) {
    this.#tools = tools;
    this.#options = options;
    this.store = new ModelStore(tools.folders.models);
    this.#running = tools.running;
    this.account = new HubAccount(tools.settings, options.tokenFile, options.stallMilliseconds);
  }

  /** Finishes what an earlier start left: removals, models that this library does not know yet, downloads. */
  start(): Promise<void> {
    return (this.#started ??= this.#start());
  }

  async #start(): Promise<void> {
    if (this.#tools.session.isReadOnly) return;
    await this.store.finishRemovals();
    await this.#adoptPrepared();
    for (const { folder, name, report } of await this.store.list()) {
      const { models } = this.#tools.session.library;
      const known = models.findBySha256(report.sha256);
      if (known?.folder == null || !existsSync(known.folder)) models.put({ ...report, id: name }, folder);
    }
    for (const partial of await this.store.partials()) await this.#takeUp(partial);
  }

  room(): Promise<Room> {
    return measureRoom(this.store.folder);
  }

  async cache() {
    const folder = findHubCache();
    return { folder, models: await listHubCache(folder) };
  }

  /** What a model is and costs, before anything large is read. @throws FundusLensError `model.*`, `hub.*` */
  async offer(source: ModelSource, signal: AbortSignal): Promise<ModelOffer> {
    return offerModel(await this.#open(source, signal), this.store, this.#fetchOptions(), signal);
  }

  /** Begins to download or copy a model; one that was interrupted goes on. @throws FundusLensError `hub.*`, `model.*` */
  async fetch(source: ModelSource, signal: AbortSignal): Promise<Task> {
    const { origin, files } = await this.#open(source, signal);
    const name = nameOfOrigin(origin);
    await this.start();
    if ((await this.store.find(this.store.pathOf(name))) !== null) {
      throw new FundusLensError('input.invalid', `${name} is installed already.`, {
        advice: 'Remove it first to fetch it anew.',
      });
    }
    const partial = this.store.partialOf(name);
    const known = await partial.readState();
    return this.#running.start(
      this.#fetchPlan(partial, {
        schema: 'fundus-lens.partial/1',
        id: known?.id ?? `model-fetch:${name}`,
        kind: origin.kind === 'hub' ? 'download' : 'copy',
        name: nameForPeople({ origin }),
        origin,
        files: [...files],
        prepare: null,
        state: 'running',
        problem: null,
        startedAt: known?.startedAt ?? new Date().toISOString(),
      }),
    );
  }

  /** Uses a revision of the cache where it lies. @throws FundusLensError `model.hash-mismatch`, `model.*` */
  async addCached(folder: string, signal: AbortSignal): Promise<Model> {
    const absolute = path.resolve(folder);
    const { models } = await this.cache();
    const cached = models.find((model) => model.folder === absolute);
    if (cached === undefined) throw notCached(absolute);
    const report = await this.#tools.engines.inspect(absolute, { signal });
    await verifySnapshot(absolute, report, signal);
    return addModel(this.#tools, absolute, { name: cached.repository, report });
  }

  /** Begins to write a model's weights in another format. */
  async prepare(modelId: number, choices: PrepareChoices): Promise<Task> {
    await this.start();
    return this.#running.start(await preparePlan(this.#tools, this.store, modelId, choices));
  }

  /** Begins to measure how true a prepared model's numbers are. */
  verify(modelId: number, choices: VerifyChoices): Task {
    return this.#running.start(verifyPlan(this.#tools, modelId, choices));
  }

  #open(source: ModelSource, signal: AbortSignal): Promise<FileSource> {
    switch (source.from) {
      case 'hub':
        return openHubSource(this.account.connect(), source, signal);
      case 'cache':
        return this.#openCached(source.folder);
      case 'folder':
        return openLocalSource({ kind: 'folder', folder: path.resolve(source.folder) });
    }
  }

  async #openCached(folder: string): Promise<FileSource> {
    const absolute = path.resolve(folder);
    const { models } = await this.cache();
    const cached = models.find((model) => model.folder === absolute);
    if (cached === undefined) throw notCached(absolute);
    const { repository, commit } = cached;
    return openLocalSource({ kind: 'cache', folder: absolute, repository, commit });
  }

  #fetchOptions(): FetchModelOptions {
    const { engines, settings } = this.#tools;
    const { rules } = this.#options;
    return {
      inspector: {
        outline: (folder, signal) => engines.outline(folder, { signal }),
        inspect: (folder, signal, onProgress) =>
          engines.inspect(folder, { signal, onProgress: ({ done, total }) => onProgress(done, total) }),
      },
      parallel: settings.get().models.parallel,
      ...(rules === undefined ? {} : { rules }),
    };
  }

  #fetchPlan(partial: PartialFolder, state: PartialState): TaskPlan {
    const { id, name, origin, startedAt } = state;
    return {
      id,
      kind: state.kind === 'download' ? 'model-download' : 'model-copy',
      title: { model: name, ...(origin.kind === 'hub' ? { revision: origin.revision } : {}) },
      createdAt: startedAt,
      resumable: true,
      repeatable: true,
      usesNetwork: state.kind === 'download',
      remember: (now, problem) => partial.writeState({ ...state, state: now, problem }),
      discard: () => this.store.remove(partial.path),
      run: (hooks) => this.#fetch(partial, state, hooks),
    };
  }

  async #fetch(partial: PartialFolder, state: PartialState, hooks: WorkHooks): Promise<number> {
    const { origin, files, name } = state;
    await partial.lock();
    try {
      const source =
        origin.kind === 'hub' ? hubSource(this.account.connect(), origin, files) : await reopen(origin);
      const report = await fetchModel(source, partial.path, this.#fetchOptions(), hooks);
      const installed = await this.store.activate(partial.path, nameOfOrigin(origin), {
        name,
        origin,
        report,
      });
      await new PartialFolder(installed.folder).clean();
      const { id } = await addModel(this.#tools, installed.folder, { name, report: installed.report });
      return id;
    } finally {
      partial.unlock();
    }
  }

  async #takeUp(partial: PartialFolder): Promise<void> {
    if (partial.isHeldElsewhere) return;
    const state = await partial.readState();
    if (state === null) return;
    const plan =
      state.prepare === null
        ? this.#fetchPlan(partial, state)
        : await preparePlan(this.#tools, this.store, state.prepare.modelId, state.prepare).catch(() => null);
    if (plan === null) {
      await this.store.remove(partial.path);
      return;
    }
    const mayRun = state.kind !== 'download' || !this.#tools.settings.get().offline;
    if (state.state === 'running' && mayRun && this.#options.resumes) {
      this.#running.start(plan);
      return;
    }
    const present = await Promise.all(state.files.map((file) => presentBytes(partial.path, file)));
    const total = state.files.reduce((sum, file) => sum + file.bytes, 0);
    const done = present.reduce((sum, bytes) => sum + bytes, 0);
    this.#running.show(plan, state.state === 'failed' ? 'failed' : 'paused', state.problem, {
      stage: state.prepare === null ? 'fetch' : 'weights',
      ...{ done, total, item: null },
    });
  }

  /** A preparation that ended a moment before the program did has no manifest of the store yet. */
  async #adoptPrepared(): Promise<void> {
    for (const name of await readdir(this.store.folder).catch(() => [])) {
      const folder = path.join(this.store.folder, name);
      if (!existsSync(path.join(folder, preparedFiles.manifest))) continue;
      if (/\.(partial|removing|preparing|offer)$/.test(name) || (await this.store.find(folder)) !== null)
        continue;
      await this.#adopt(folder).catch((error: unknown) => this.#options.onError('adopt-prepared', error));
    }
  }

  async #adopt(folder: string): Promise<void> {
    const report = await this.#tools.engines.inspect(folder);
    const name = path.basename(folder);
    const origin: ModelOrigin = { kind: 'folder', folder };
    await this.store.activate(folder, name, { name, origin, report });
  }
}

/** Where a person wants a model from. */
export type ModelSource =
  | { readonly from: 'hub'; readonly repository: string; readonly revision: string }
  | { readonly from: 'cache'; readonly folder: string }
  | { readonly from: 'folder'; readonly folder: string };

function reopen(origin: Exclude<ModelOrigin, { kind: 'hub' }>): Promise<FileSource> {
  return openLocalSource(origin.kind === 'prepared' ? { kind: 'folder', folder: origin.folder } : origin);
}

function notCached(folder: string): FundusLensError {
  return new FundusLensError('model.not-found', 'This is no revision in the cache of the hub.', {
    found: folder,
    advice: 'Reload the list of the cache.',
  });
}
