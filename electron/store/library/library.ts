import { existsSync } from 'node:fs';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { AuditLog } from '../audit-log.ts';
import { listBackups, makeBackup, offerBackup } from './backups.ts';
import type { Backup, BackupLimits } from './backups.ts';
import { makeSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { ConceptSets } from '../concept-sets.ts';
import { addNeedsOfBackups, collectContent, neededContent } from '../trash/content-collector.ts';
import type { Collected } from '../trash/content-collector.ts';
import { ContentFiles } from '../content-files.ts';
import { Datasets } from '../images/datasets.ts';
import type { Database } from '../database/database.ts';
import { Decoders } from '../decoders/decoders.ts';
import { Taps } from '../decoders/taps.ts';
import { DrawingStore } from '../drawings.ts';
import { Experiments } from '../experiments/experiments.ts';
import { Findings } from '../images/findings.ts';
import { Groups } from '../groups.ts';
import { ImageSearch } from '../images/image-search.ts';
import { Images } from '../images/images.ts';
import { ImportLog } from '../import-log.ts';
import {
  createFolders,
  hideFromOthers,
  libraryPaths,
  removeStaleTemporaries,
  warnAboutFolder,
} from './library-folder.ts';
import type { FolderWarning } from './library-folder.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import { examineDatabaseFile } from '../database/examine-file.ts';
import { breakSeal, isSealBroken, sealFile } from '../database/file-seal.ts';
import { migrate, readSchemaVersion, schemaVersion } from '../database/migrate.ts';
import { eraseRemoved } from '../trash/erase-removed.ts';
import type { Erased } from '../trash/erase-removed.ts';
import { Lenses } from '../traces/lenses.ts';
import { Models } from '../models.ts';
import { openDatabase } from '../database/open-database.ts';
import { Patients } from '../patients.ts';
import { Prompts } from '../prompts.ts';
import { Protocols } from '../protocols.ts';
import { lastCheck, quickCheck } from './quick-check.ts';
import type { LastCheck } from './quick-check.ts';
import { Queue } from '../queue/queue.ts';
import { Settings } from '../settings.ts';
import { Tags } from '../images/tags.ts';
import { TraceArrays } from '../traces/trace-arrays.ts';
import { Traces } from '../traces/traces.ts';
import { Trash } from '../trash/trash.ts';
import { verifyLibrary } from './verify-library.ts';
import type { LibraryVerdict } from './verify-library.ts';
import { Visits } from '../visits.ts';

export interface OpenOptions {
  /** Who acts, for the audit log; never a patient. */
  readonly actor?: string;
  /** Whether an absent library is made. */
  readonly create?: boolean;
  /** Milliseconds to wait for another process before `library.locked`. */
  readonly busyTimeout?: number;
  readonly now?: () => Date;
}

/** An open library: a folder with a database, images, and everything that was ever traced from them. */
export class Library {
  readonly paths: LibraryPaths;
  readonly warnings: readonly FolderWarning[];
  /** Why nothing may be changed; null when everything may. */
  readonly readOnlyReason: FundusLensError | null;
  readonly patients: Patients;
  readonly visits: Visits;
  readonly images: Images;
  readonly search: ImageSearch;
  readonly tags: Tags;
  readonly findings: Findings;
  readonly groups: Groups;
  readonly models: Models;
  readonly prompts: Prompts;
  readonly conceptSets: ConceptSets;
  readonly traceArrays: TraceArrays;
  readonly traces: Traces;
  readonly trash: Trash;
  readonly queue: Queue;
  readonly protocols: Protocols;
  readonly drawings: DrawingStore;
  readonly taps: Taps;
  readonly decoders: Decoders;
  readonly lenses: Lenses;
  readonly datasets: Datasets;
  readonly experiments: Experiments;
  readonly imports: ImportLog;
  readonly audit: AuditLog;
  readonly settings: Settings;
  readonly files: ContentFiles;
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, paths: LibraryPaths, actor: string, now: () => Date) {
    this.#db = db;
    this.#now = now;
    this.paths = paths;
    this.warnings = warnAboutFolder(paths.root);
    this.readOnlyReason = db.readOnlyReason;
    this.files = new ContentFiles(paths);
    const audit = (this.audit = new AuditLog(db, actor, now));
    const patients = (this.patients = new Patients(db, audit, now));
    const visits = (this.visits = new Visits(db, audit));
    const images = (this.images = new Images(db, audit, this.files, now));
    this.search = new ImageSearch(db);
    const tags = (this.tags = new Tags(db));
    const findings = (this.findings = new Findings(db, now));
    this.groups = new Groups(db, audit, now);
    const models = (this.models = new Models(db, now));
    const prompts = (this.prompts = new Prompts(db, now));
    const conceptSets = (this.conceptSets = new ConceptSets(db, now));
    const arrays = (this.traceArrays = new TraceArrays(db, this.files));
    const traces = (this.traces = new Traces(db, { models, prompts, conceptSets, arrays, audit }, now));
    this.trash = new Trash(db, audit, traces, now);
    this.queue = new Queue(db, now);
    this.protocols = new Protocols(db, audit, now);
    this.drawings = new DrawingStore(db, audit, now);
    this.taps = new Taps(db, now);
    this.decoders = new Decoders(db, audit, now);
    this.lenses = new Lenses(db, audit, this.files, paths, now);
    const datasets = (this.datasets = new Datasets(db, { findings, protocols: this.protocols, tags }));
    this.imports = new ImportLog(db, { patients, visits, images, findings, tags, datasets, audit }, now);
    this.experiments = new Experiments(db, audit, now);
    this.settings = new Settings(db);
  }

  /** Several changes that are kept together or not at all. */
  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  async backup(limits: BackupLimits = { keep: 10 }): Promise<Backup> {
    const backup = await makeBackup(this.#db, this.paths, { limits, now: this.#now() });
    if (this.readOnlyReason === null) this.audit.append('library.backup', 'library', { bytes: backup.bytes });
    return backup;
  }

  /** Everything that makes this library, to be copied elsewhere; {@link Snapshot.discard} must follow. */
  snapshot(): Promise<Snapshot> {
    return makeSnapshot(this.#db, this.paths);
  }

  backups(): Promise<Backup[]> {
    return listBackups(this.paths);
  }

  /** Reads the whole database and every file it refers to. */
  verify(signal?: AbortSignal): Promise<LibraryVerdict> {
    return verifyLibrary(this.#db, this.paths, this.audit, signal);
  }

  /** Looks through the database and notes the outcome; null in a library that cannot be written. */
  async check(): Promise<LastCheck | null> {
    return this.readOnlyReason === null ? quickCheck(this.#db, this.settings, this.#now()) : null;
  }

  get lastCheck(): LastCheck | null {
    return lastCheck(this.settings);
  }

  /**
   * Makes what was removed unreadable: content that no row needs goes, and the database is written anew. Backups are left
   * as they are, and named, because they hold what was removed since.
   *
   * @throws input.invalid while an import runs, whose files no row names yet; library.read-only, library.disk-full
   */
  async erase(): Promise<Erased> {
    const collected = await eraseRemoved(this.#db, this.paths);
    this.audit.append('library.erase', 'library', { ...collected });
    const backups = (await this.backups()).map(({ file }) => path.basename(file));
    return { ...collected, backups };
  }

  /** Removes what killed imports left a day ago and more; nothing that the library or one of its backups needs. */
  async collectLeftOvers(): Promise<Collected> {
    const needed = neededContent((sql) => this.#db.rows(sql));
    if (this.readOnlyReason !== null || !addNeedsOfBackups(needed, await this.backups())) {
      return { files: 0, bytes: 0 };
    }
    return collectContent(this.paths, needed, this.#now().getTime() - 86_400_000);
  }

  /** Caps the database's growth, in pages of 4 KiB beyond its present size; how a quota is set, and a full disk tested. */
  limitPages(extra: number): void {
    this.#db.pragma(`max_page_count = ${Number(this.#db.pragma('page_count')) + extra}`);
  }

  close(): void {
    this.#db.close();
    if (this.readOnlyReason === null) sealFile(this.paths.database);
  }
}

/**
 * Opens the library in a folder, and makes one where there is none. A library of an older version is migrated, with a
 * backup first; one of a newer version is opened for reading.
 *
 * @throws library.unavailable, library.locked, library.damaged, library.read-only, library.disk-full
 */
export async function openLibrary(folder: string, options: OpenOptions = {}): Promise<Library> {
  const { actor = 'user', create = true, busyTimeout = 5000, now = () => new Date() } = options;
  const paths = libraryPaths(folder);
  const wrong = examineDatabaseFile(paths);
  if (wrong !== null) throw await offerBackup(paths, damagedLibrary(wrong));
  const isNew = !existsSync(paths.database);
  if (isNew && !create) {
    throw new FundusLensError('library.unavailable', 'There is no library in this folder.', {
      expected: 'library.sqlite',
      advice: 'choose the folder of a library, or make a new one',
    });
  }
  if (isNew) createFolders(paths);
  let db: Database;
  try {
    if (!isNew && isSealBroken(paths.database)) {
      throw damagedLibrary(
        'content that no program has written since the library was closed: the disk is failing',
      );
    }
    db = openDatabase(paths, busyTimeout);
  } catch (error) {
    throw await offerBackup(paths, error);
  }
  try {
    if (db.readOnlyReason === null) {
      breakSeal(paths.database);
      createFolders(paths);
      hideFromOthers(paths);
      removeStaleTemporaries(paths, now().getTime());
      const version = readSchemaVersion(db);
      if (version > 0 && version < schemaVersion) {
        await makeBackup(db, paths, { kind: 'migration', now: now() });
      }
      migrate(db);
    }
    return new Library(db, paths, actor, now);
  } catch (error) {
    db.close();
    throw error;
  }
}
