import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ImportChoices } from '../../contract/imports.ts';
import type { ImportReport, ImportState } from '../../contract/imports.ts';
import { parseFolderRule } from '../../ingest/sources/folder-rule.ts';
import type { FolderRule } from '../../ingest/sources/folder-rule.ts';
import { importFiles, stoppedEntry } from '../../ingest/import-files.ts';
import type { ImportEvent } from '../../ingest/import-files.ts';
import type { ImportLog } from '../../store/import-log.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';

interface RunningImport {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

type Events = AsyncGenerator<ImportEvent>;

/** Imports in the background; any number of them, one after the other. */
export class ImportService {
  readonly #session: LibrarySession;
  readonly #events: EventLog;
  readonly #uploads: string;
  readonly #onError: (event: string, error: unknown) => void;
  readonly #running = new Map<number, RunningImport>();
  /** Why imports of this process ended early. */
  readonly #failures = new Map<number, unknown>();
  #queue: Promise<void> = Promise.resolve();

  constructor(
    { session, events, cacheFolder }: { session: LibrarySession; events: EventLog; cacheFolder: string },
    onError: (event: string, error: unknown) => void,
  ) {
    this.#session = session;
    this.#events = events;
    this.#uploads = path.join(cacheFolder, 'uploads');
    this.#onError = onError;
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
    const { library } = this.#session;
    const controller = new AbortController();
    const absolute = sources.map((source) => path.resolve(source));
    const events = importFiles({
      sources: absolute,
      store: library.imports,
      files: library.files,
      paths: library.paths,
      folderRule: readFolderRule(choices.folderRule),
      manifest: choices.manifest ?? (await findManifest(absolute)),
      storage: choices.storage,
      signal: controller.signal,
      onDefect: (error) => this.#onError('import-file-failed', error),
    });
    const { value: begun } = (await events.next()) as IteratorYieldResult<ImportEvent>;
    if (begun.type !== 'started') throw new TypeError('an import begins with its id');
    const { importId } = begun;
    this.#tell(importId, 'running', null);
    const ended = this.#queue.then(() => this.#run(importId, events, choices.tags, after));
    this.#queue = ended;
    this.#running.set(importId, { controller, ended });
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
    await this.#running.get(importId)?.ended;
    return this.report(importId);
  }

  /** What became of every file. A library that could not even note the end, as on a full disk, does not hide it. */
  report(importId: number): ImportReport {
    const report = this.#session.library.imports.report(importId);
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
    return this.#session.library.imports
      .list(limit)
      .map((row) => (this.#failures.has(row.id) ? { ...row, state: 'failed' } : row));
  }

  /** What ended an import of this process early; undefined when nothing did. */
  failure(importId: number): unknown {
    return this.#failures.get(importId);
  }

  /** What was committed so far stays. */
  async cancel(importId: number): Promise<number> {
    const running = this.#running.get(importId);
    if (running === undefined) return 0;
    running.controller.abort();
    await running.ended;
    return 1;
  }

  async cancelAll(): Promise<void> {
    for (const id of this.#running.keys()) await this.cancel(id);
  }

  async #run(
    importId: number,
    events: Events,
    tags: readonly string[],
    after: (() => Promise<void>) | undefined,
  ): Promise<void> {
    const { library } = this.#session;
    let state: ImportState = 'failed';
    try {
      for await (const event of events) {
        if (event.type === 'committed') {
          const added = event.entries.flatMap((entry) =>
            entry.status === 'added' ? (entry.imageId ?? []) : [],
          );
          for (const tag of tags) library.tags.add(added, tag);
          this.#tell(importId, 'running', baseName(event.entries.at(-1)?.path));
          this.#events.publish({ type: 'library', what: 'images', ids: added });
        } else if (event.type === 'finished') {
          state = event.cancelled ? 'cancelled' : 'done';
        }
      }
    } catch (error) {
      this.#failures.set(importId, error);
      this.#onError('import-failed', error);
    }
    try {
      await after?.();
      this.#tell(importId, state, null);
    } catch (error) {
      this.#onError('import-failed', error);
    } finally {
      this.#running.delete(importId);
    }
    for (const what of ['images', 'patients', 'tags'] as const) {
      this.#events.publish({ type: 'library', what, ids: [] });
    }
  }

  #tell(importId: number, state: ImportState, current: string | null): void {
    const counts = this.#session.library.imports.counts(importId);
    const filesSeen = Object.values(counts).reduce((sum, count) => sum + count, 0);
    this.#events.publish({ type: 'import', importId, state, counts, filesFound: filesSeen, current });
  }
}

function readFolderRule(text: string): FolderRule {
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
    .filter((part) => part !== '' && part !== '..' && part !== '../..');
  return parts.length === 0 ? ['file'] : parts;
}
