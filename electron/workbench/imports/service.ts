import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ImportChoices, ImportReport } from '../../contract/imports/imports.ts';
import type { TaskTitle } from '../../contract/app/tasks.ts';
import { parseFolderRule } from '../../ingest/sources/folder-rule.ts';
import type { FolderRule } from '../../ingest/sources/folder-rule.ts';
import { fundusSchema } from '../protocols/protocol-form.ts';
import { importFiles, stoppedEntry } from '../../ingest/import-files.ts';
import type { ImportEvent } from '../../ingest/import-files.ts';
import type { ImportLog } from '../../store/import-log.ts';
import type { WorkHooks } from '../../tasks/queued-work.ts';
import type { RunningTasks } from '../../tasks/running-tasks.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';

type Events = AsyncGenerator<ImportEvent>;

interface ImportTools {
  readonly session: LibrarySession;
  readonly events: EventLog;
  readonly running: RunningTasks;
  readonly cacheFolder: string;
  readonly onError: (event: string, error: unknown) => void;
}

/** Imports in the background; any number of them, one after the other. */
export class ImportService {
  readonly #tools: ImportTools;
  readonly #uploads: string;
  /** Why imports of this process ended early. */
  readonly #failures = new Map<number, unknown>();

  constructor(tools: ImportTools) {
    this.#tools = tools;
    this.#uploads = path.join(tools.cacheFolder, 'uploads');
  }

  /**
   * @param after runs when the import has ended in whatever way
   * @returns the import's id as soon as it has one; {@link wait} waits for its end
   * @throws FundusLensError `input.invalid` for a folder rule that means nothing
   */
  async start(
    sources: readonly string[],
    choices: ImportChoices,
    after?: () => Promise<void>,
  ): Promise<number> {
    const { session, running, onError } = this.#tools;
    const { library } = session;
    // Known before its task is: the import has its number as soon as it has begun.
    const controller = new AbortController();
    const absolute = sources.map((source) => path.resolve(source));
    const events = importFiles({
      sources: absolute,
      store: library.imports,
      files: library.files,
      paths: library.paths,
      folderRule: readFolderRule(choices.folderRule),
      manifest: choices.manifest ?? (await findManifest(absolute)),
      protocolSchema: choices.datasets ? fundusSchema : null,
      storage: choices.storage,
      signal: controller.signal,
      onDefect: (error) => onError('import-file-failed', error),
    });
    const { value: begun } = (await events.next()) as IteratorYieldResult<ImportEvent>;
    if (begun.type !== 'started') throw new TypeError('an import begins with its id');
    const { importId } = begun;
    running.start({
      id: importTaskId(importId),
      kind: 'import',
      title: titleOf(absolute),
      importId,
      createdAt: new Date().toISOString(),
      resumable: false,
      repeatable: false,
      lane: 'import',
      run: async (hooks) => {
        hooks.signal.addEventListener('abort', () => controller.abort(), { once: true });
        if (hooks.signal.aborted) controller.abort();
        await this.#run(importId, events, choices.tags, hooks).finally(after);
        return null;
      },
    });
    return importId;
  }

  /** Writes what a browser handed over to a folder of its own and imports that. */
  async upload(files: readonly File[], choices: ImportChoices): Promise<number> {
    const folder = path.join(this.#uploads, randomUUID());
    await mkdir(folder, { recursive: true });
    const remove = () => rm(folder, { recursive: true, force: true });
    try {
      for (const file of files) {
        const target = path.join(folder, ...safeParts(file.name));
        await mkdir(path.dirname(target), { recursive: true });
        await save(file, target);
      }
    } catch (error) {
      await remove();
      throw error;
    }
    return this.start([folder], { ...choices, storage: 'managed' }, remove);
  }

  /** Resolves when the import has ended in whatever way. */
  async wait(importId: number): Promise<ImportReport> {
    const { running } = this.#tools;
    const taskId = importTaskId(importId);
    if (running.get(taskId) !== undefined) await running.wait(taskId);
    return this.report(importId);
  }

  /** What became of every file. A library that could not even note the end, as on a full disk, does not hide it. */
  report(importId: number): ImportReport {
    const report = this.#tools.session.library.imports.report(importId);
    if (report.state !== 'running' || !this.#failures.has(importId)) return report;
    const stopped = stoppedEntry(report.sources[0] ?? '', this.#failures.get(importId));
    return {
      ...report,
      state: 'failed',
      counts: { ...report.counts, failed: report.counts.failed + 1 },
      entries: [...report.entries, { ...stopped, imageId: null }],
    };
  }

  /** Newest first, without their entries. */
  list(limit: number): ReturnType<ImportLog['list']> {
    return this.#tools.session.library.imports
      .list(limit)
      .map((row) => (this.#failures.has(row.id) ? { ...row, state: 'failed' } : row));
  }

  /** What ended an import of this process early; undefined when nothing did. */
  failure(importId: number): unknown {
    return this.#failures.get(importId);
  }

  /** What was committed so far stays. */
  async cancelAll(): Promise<void> {
    await this.#tools.running.cancelAll('import');
  }

  async #run(
    importId: number,
    events: Events,
    tags: readonly string[],
    { signal, onProgress }: WorkHooks,
  ): Promise<void> {
    const { library } = this.#tools.session;
    try {
      for await (const event of events) {
        if (event.type === 'committed') {
          const added = event.entries.flatMap((entry) =>
            entry.status === 'added' ? (entry.imageId ?? []) : [],
          );
          for (const tag of tags) library.tags.add(added, tag);
          const done = Object.values(event.counts).reduce((sum, count) => sum + count, 0);
          onProgress('files', done, 0, baseName(event.entries.at(-1)?.path));
          this.#tools.events.publish({ type: 'library', what: 'images', ids: added });
        } else if (event.type === 'finished' && event.cancelled) signal.throwIfAborted();
      }
    } catch (error) {
      if (!signal.aborted) this.#failures.set(importId, error);
      throw error;
    } finally {
      for (const what of ['images', 'patients', 'tags'] as const) {
        this.#tools.events.publish({ type: 'library', what, ids: [] });
      }
    }
  }
}

export function importTaskId(importId: number): string {
  return `import:${importId}`;
}

/** Whole paths may name patients in their folders; a folder that was made for files of a browser says nothing. */
function titleOf([first = '', ...others]: readonly string[]): TaskTitle {
  const fileName = path.basename(first);
  const isMadeUp = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(fileName);
  return { ...(isMadeUp ? {} : { fileName }), ...(others.length === 0 ? {} : { moreFiles: others.length }) };
}

/** @throws FundusLensError `input.invalid` for a rule that means nothing */
export function readFolderRule(text: string): FolderRule {
  const rule = parseFolderRule(text === 'none' ? '' : text);
  if (rule !== null) return rule;
  throw new FundusLensError('input.invalid', 'The folder rule cannot be read.', {
    expected: 'none, patient, patient/visit, or these with * for a level without meaning',
    found: text,
    advice: 'Choose one of these.',
  });
}

/** The manifest that lies in the one folder that is imported. */
async function findManifest(sources: readonly string[]): Promise<string | null> {
  const [folder] = sources;
  if (folder === undefined || sources.length > 1) return null;
  const manifest = path.join(folder, 'manifest.csv');
  return (await stat(manifest).catch(() => null))?.isFile() === true ? manifest : null;
}

/** Whole paths may name patients in their folders. */
function baseName(source: string | undefined): string | null {
  return source === undefined ? null : path.basename(source);
}

const sliceBytes = 4 * 1024 * 1024;

async function save(file: File, target: string): Promise<void> {
  const handle = await open(target, 'wx');
  try {
    for (let start = 0; start < file.size; start += sliceBytes) {
      await handle.writeFile(new Uint8Array(await file.slice(start, start + sliceBytes).arrayBuffer()));
    }
  } finally {
    await handle.close();
  }
}

/** A browser names files as it likes, folders included; nothing may climb out of our folder. */
function safeParts(name: string): string[] {
  const parts = name
    .split(/[\\/]/)
    .map((part) => part.replace(/[\0:*?"<>|]/g, '_').trim())
    .filter((part) => part !== '' && part !== '.' && part !== '..');
  return parts.length === 0 ? ['file'] : parts;
}
