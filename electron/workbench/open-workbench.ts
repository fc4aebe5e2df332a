import { setTimeout as pause } from 'node:timers/promises';
import path from 'node:path';
import { createRouterClient } from '@orpc/server';
import type { RouterClient } from '@orpc/server';
import { limits } from '../contract/limits.ts';
import type { Media } from '../contract/images/media.ts';
import type { EngineClientOptions } from '../engine/process/engine-client.ts';
import type { RunnerOptions } from '../tasks/queue-runner.ts';
import { RunningTasks } from '../tasks/running-tasks.ts';
import { TaskQueue } from '../tasks/task-queue.ts';
import { Tasks } from '../tasks/tasks.ts';
import { Engines } from './engines.ts';
import { EventLog } from './events/event-log.ts';
import { fillNewLibrary } from './first-run.ts';
import { bundled } from './folders.ts';
import type { WorkbenchFolders } from './folders.ts';
import { ImportService } from './imports/service.ts';
import { damagedLibrary } from '../store/database/database-errors.ts';
import { backupLimits } from './library/backup-limits.ts';
import { LibrarySession } from './library/library-session.ts';
import { MediaSource } from './images/media.ts';
import { ModelManager } from './models/model-manager.ts';
import type { ModelManagerOptions } from './models/model-manager.ts';
import { ProviderManager } from './providers/service.ts';
import { SettingsFile } from './settings/settings-file.ts';
import { UndoStack } from './images/undo-stack.ts';
import { appRouter } from './app/router.ts';
import { causalChecksRouter } from './causal-checks/router.ts';
import { ClusterConnection } from './cluster/cluster-connection.ts';
import type { ClusterAddress } from './cluster/cluster-connection.ts';
import { clusterRouter } from './cluster/router.ts';
import { compareRouter } from './compare/router.ts';
import { conceptsRouter } from './concepts/router.ts';
import { lensWork } from './lenses/lens-work.ts';
import { lensesRouter } from './lenses/router.ts';
import { decodersRouter } from './decoders/router.ts';
import { fitWork } from './decoders/fit-work.ts';
import { tapWork } from './decoders/tap-work.ts';
import { drawingsRouter } from './drawings/router.ts';
import { eventsRouter } from './events/router.ts';
import { experimentsRouter } from './experiments/router.ts';
import { exportsRouter } from './exports/router.ts';
import { groupsRouter } from './groups/router.ts';
import { imagesRouter } from './images/router.ts';
import { importsRouter } from './imports/router.ts';
import { libraryRouter } from './library/router.ts';
import { modelsRouter } from './models/router.ts';
import { patientsRouter } from './patients/router.ts';
import { promptsRouter } from './prompts/router.ts';
import { protocolsRouter } from './protocols/router.ts';
import { providersRouter } from './providers/router.ts';
import { settingsRouter } from './settings/router.ts';
import { tagsRouter } from './tags/router.ts';
import { tasksRouter } from './tasks/router.ts';
import { tracesRouter } from './traces/router.ts';
import { trashRouter } from './trash/router.ts';
import { traceWork } from './traces/trace-work.ts';
import { updatesRouter } from './updates/router.ts';
import { visitsRouter } from './visits/router.ts';
import type { Services } from './services.ts';

export interface WorkbenchOptions {
  readonly libraryFolder: string;
  readonly cacheFolder: string;
  /** Where readings of controls are kept; in the cache when left out. */
  readonly controlsFolder?: string;
  /** Models that we keep ourselves, unless the settings name another folder; beside the cache when left out. */
  readonly modelsFolder?: string;
  /** Libraries of graphics cards that are no part of the software; in the cache when left out. */
  readonly librariesFolder?: string;
  /** JSON file of this computer's settings; in memory only when left out. */
  readonly settingsFile?: string;
  readonly logFolder?: string;
  /** The only folders that an export may be written to; any that is not the software's own when left out. */
  readonly exportFolders?: readonly string[];
  /** What comes with the software; null leaves it out of a new library. */
  readonly samplesFolder?: string | null;
  readonly demoModelFolder?: string | null;
  /** Who acts, for the audit log; never a patient. */
  readonly actor?: string;
  /** Whether an absent library is made. */
  readonly create?: boolean;
  /** Whether queued tasks run in this process. */
  readonly runQueue?: boolean;
  /** Other hosts that experiments may be computed on; null for none. */
  readonly cluster?: ClusterAddress | null;
  readonly engine?: EngineClientOptions & { readonly maxWarm?: number };
  readonly runner?: Omit<RunnerOptions, 'onError'>;
  /** Of tests, which have no patience with a hub. */
  readonly hub?: Pick<ModelManagerOptions, 'stallMilliseconds' | 'rules'>;
  /** Defects and failures in the background; never named after a person or file. */
  readonly log?: { error(event: string, error: unknown): void };
}

export type WorkbenchRouter = ReturnType<typeof createRouter>;
export type WorkbenchClient = RouterClient<WorkbenchRouter>;

/** Everything that the contract promises, over one open library. */
export interface Workbench {
  /** For the faces' handlers. */
  readonly router: WorkbenchRouter;
  /** The same calls inside this process. */
  readonly client: WorkbenchClient;
  /** First steps in a new library and the automatic backup; nothing has to wait for it. */
  readonly ready: Promise<void>;
  /** Waits for an import of this process. */
  readonly imports: Pick<ImportService, 'wait' | 'failure'>;
  /** Waits for a task of this process that is not one of the queue. */
  readonly tasks: Pick<RunningTasks, 'wait'>;
  /** Process ids of the engines that run now. */
  readonly enginePids: number[];
  /** null when there is no such image or view. */
  openMedia(imageId: number, view: string): Promise<Media | null>;
  /** Gives the running task back to the queue, ends engines and imports, and closes the library. */
  close(): Promise<void>;
}

const hour = 3_600_000;
const daysBetweenChecks = 7;

/**
 * Opens a library and everything that works on it.
 *
 * @throws library.unavailable, library.locked, library.damaged, library.disk-full; a newer or read-only library opens
 *   for reading
 */
export async function createWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const { actor = 'user', create = true, runQueue = true, log } = options;
  const onError = (event: string, error: unknown) => log?.error(event, error);
  const settings = new SettingsFile(options.settingsFile ?? null);
  const cache = path.resolve(options.cacheFolder);
  const folders: WorkbenchFolders = {
    library: path.resolve(options.libraryFolder),
    cache,
    models: path.resolve(
      settings.get().models.folder ?? options.modelsFolder ?? path.join(path.dirname(cache), 'models'),
    ),
    logs: options.logFolder ?? null,
    settings: options.settingsFile === undefined ? null : path.dirname(path.resolve(options.settingsFile)),
    exports: options.exportFolders?.map((folder) => path.resolve(folder)) ?? null,
    demoModel: options.demoModelFolder ?? bundled.demoModel,
    samples: options.samplesFolder ?? bundled.samples,
  };
  const session = await LibrarySession.open(folders.library, {
    actor,
    create,
    auditKeyFile: options.settingsFile === undefined ? null : `${options.settingsFile}.audit-key`,
  });
  const events = new EventLog();
  const libraries = path.resolve(options.librariesFolder ?? path.join(cache, 'libraries'));
  const engines = new Engines(events, { libraries, ...options.engine });
  const running = new RunningTasks(events, onError);
  const controlCache = path.resolve(options.controlsFolder ?? path.join(folders.cache, 'controls'));
  const kinds = {
    trace: traceWork({ session, engines, events, controlCache, onError }),
    tap: tapWork({ session, engines }),
    'decoder-fit': fitWork({ session, events }),
    'lens-fit': lensWork({ session, engines, events }),
  };
  const queue = new TaskQueue(session, kinds, events, { ...options.runner, onError });
  const imports = new ImportService({ session, events, running, cacheFolder: folders.cache, onError });
  const tools = { session, events, settings, engines, folders, running };
  const manager = new ModelManager(tools, {
    tokenFile: options.settingsFile === undefined ? null : `${options.settingsFile}.token`,
    resumes: runQueue,
    onError,
    ...options.hub,
  });
  const providers = new ProviderManager(tools, { ...options.hub });
  const services: Services = {
    ...tools,
    tasks: new Tasks([running, queue]),
    queue,
    imports,
    models: manager,
    providers,
    cluster: new ClusterConnection(options.cluster ?? null, onError),
    undo: new UndoStack(),
  };
  let closing: Promise<void> | null = null;
  const media = new MediaSource(session, folders.cache);
  const router = createRouter(services);

  if (runQueue && !session.isReadOnly) session.library.imports.closeInterrupted();
  if (runQueue) queue.start();
  const models = manager.start().catch((error: unknown) => onError('models', error));
  const filled = fillNewLibrary(services, {
    samples: options.samplesFolder !== null,
    demoModel: options.demoModelFolder !== null,
  }).catch((error: unknown) => onError('first-run', error));
  const ready = Promise.all([models, filled]).then(() => undefined);
  const backups = setInterval(() => void checkWhenDue().then(backUpWhenDue).then(emptyOldTrash), hour);
  backups.unref();
  async function checkWhenDue(): Promise<void> {
    try {
      const check = await session.checkWhenDue(daysBetweenChecks);
      if (check !== null && check.found !== null) onError('library-damaged', damagedLibrary(check.found));
    } catch (error) {
      onError('library-check', error);
    }
  }
  async function backUpWhenDue(): Promise<void> {
    const { backups: wanted } = settings.get();
    if (!wanted.automatic) return;
    try {
      const made = await session.backupWhenDue(wanted.everyDays, backupLimits(wanted));
      if (made !== null) events.publish({ type: 'library', what: 'backups', ids: [] });
    } catch (error) {
      onError('backup', error);
    }
  }

  function emptyOldTrash(): void {
    if (session.isReadOnly || closing !== null) return;
    try {
      if (session.library.trash.removeOld() === 0) return;
      services.undo.clear();
      events.publish({ type: 'library', what: 'trash', ids: [] });
    } catch (error) {
      onError('trash', error);
    }
  }

  async function collectLeftOvers(): Promise<void> {
    try {
      if (runQueue && closing === null) await session.library.collectLeftOvers();
    } catch (error) {
      onError('left-overs', error);
    }
  }

  /** Traces from before documents were compressed, lists had verdicts and curves rows of their own, a few at a time, so that nothing waits for it. */
  async function compactTraces(): Promise<void> {
    try {
      while (runQueue && closing === null && session.library.readOnlyReason === null) {
        const { traces } = session.library;
        if (traces.compactSome(8) + traces.judgeSome(8) + traces.drawCurvesOfSome(8) === 0) return;
        await pause(50, undefined, { ref: false });
      }
    } catch (error) {
      onError('compact-traces', error);
    }
  }

  const close = async () => {
    clearInterval(backups);
    // Engines end by force where they must, so that nothing waits for one that hangs: a task goes back to the queue.
    const ending = [queue.stop(), engines.closeAll(), running.close(), services.cluster.close()];
    const ended = Promise.allSettled([...ending, ready]).then((outcomes) => {
      for (const { reason } of outcomes.filter(
        ({ status }) => status === 'rejected',
      ) as PromiseRejectedResult[])
        onError('close', reason);
    });
    await withinPatience(ended, limits.closing);
    events.close();
    session.close();
  };
  const started = ready.then(emptyOldTrash).then(collectLeftOvers).then(backUpWhenDue);
  void started.then(compactTraces);
  return {
    router,
    client: createRouterClient(router),
    ready: started,
    imports,
    tasks: running,
    get enginePids() {
      return engines.pids;
    },
    openMedia: (imageId, view) => media.open(imageId, view),
    close: () => (closing ??= close()),
  };
}

/** Resolves when the work has ended, or when the patience has. */
async function withinPatience(work: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([work, patience]);
  clearTimeout(timer);
}

function createRouter(services: Services) {
  return {
    app: appRouter(services),
    library: libraryRouter(services),
    images: imagesRouter(services),
    patients: patientsRouter(services),
    visits: visitsRouter(services),
    groups: groupsRouter(services),
    tags: tagsRouter(services),
    imports: importsRouter(services),
    models: modelsRouter(services),
    providers: providersRouter(services),
    protocols: protocolsRouter(services),
    drawings: drawingsRouter(services),
    decoders: decodersRouter(services),
    experiments: experimentsRouter(services),
    cluster: clusterRouter(services),
    causalChecks: causalChecksRouter(services),
    lenses: lensesRouter(services),
    concepts: conceptsRouter(services),
    prompts: promptsRouter(services),
    traces: tracesRouter(services),
    trash: trashRouter(services),
    tasks: tasksRouter(services),
    compare: compareRouter(services),
    exports: exportsRouter(services),
    settings: settingsRouter(services),
    updates: updatesRouter(services),
    events: eventsRouter(services),
  };
}
