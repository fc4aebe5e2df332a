import { existsSync } from 'node:fs';
import { FundusLensError } from '../contract/errors.ts';
import type { LibraryPaths } from '../contract/library.ts';
import { AuditLog } from './audit-log.ts';
import { listBackups, makeBackup } from './backups.ts';
import type { Backup } from './backups.ts';
import { ConceptSets } from './concept-sets.ts';
import { ContentFiles } from './content-files.ts';
import type { Database } from './database/database.ts';
import { Findings } from './images/findings.ts';
import { Groups } from './groups.ts';
import { ImageSearch } from './images/image-search.ts';
import { Images } from './images/images.ts';
import { ImportLog } from './import-log.ts';
import { Jobs } from './jobs/jobs.ts';
import {
  createFolders,
  holdsContentWithoutDatabase,
  libraryPaths,
  removeStaleTemporaries,
  warnAboutFolder,
} from './library-folder.ts';
import type { FolderWarning } from './library-folder.ts';
import { migrate, readSchemaVersion, schemaVersion } from './database/migrate.ts';
import { Models } from './models.ts';
import { openDatabase } from './database/open-database.ts';
import { Patients } from './patients.ts';
import { Prompts } from './prompts.ts';
import { Settings } from './settings.ts';
import { Tags } from './images/tags.ts';
import { TraceArrays } from './traces/trace-arrays.ts';
import { Traces } from './traces/traces.ts';
import { verifyLibrary } from './verify-library.ts';
import type { LibraryVerdict } from './verify-library.ts';
import { Visits } from './visits.ts';

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
  readonly jobs: Jobs;
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
    this.traces = new Traces(db, { models, prompts, conceptSets, arrays, audit }, now);
    this.jobs = new Jobs(db, now);
    this.imports = new ImportLog(db, { patients, visits, images, findings, tags, audit }, now);
    this.settings = new Settings(db);
  }

  /** Several changes that are kept together or not at all. */
  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** @param keep how many backups stay, this one included */
  async backup(keep = 10): Promise<Backup> {
    const backup = await makeBackup(this.#db, this.paths, { keep, now: this.#now() });
    if (this.readOnlyReason === null) this.audit.append('library.backup', 'library', { bytes: backup.bytes });
    return backup;
  }

  backups(): Promise<Backup[]> {
    return listBackups(this.paths);
  }

  /** Reads the whole database and every file it refers to. */
  verify(signal?: AbortSignal): Promise<LibraryVerdict> {
    return verifyLibrary(this.#db, this.paths, this.audit, signal);
  }

  /** Caps the database's growth, in pages of 4 KiB beyond its present size; how a quota is set, and a full disk tested. */
  limitPages(extra: number): void {
    this.#db.pragma(`max_page_count = ${Number(this.#db.pragma('page_count')) + extra}`);
  }

  close(): void {
    this.#db.close();
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
  if (holdsContentWithoutDatabase(paths)) {
    throw new FundusLensError('library.damaged', 'The folder holds images of a library, but no database.', {
      expected: 'library.sqlite',
      found: 'originals or backups without it, as after an interrupted restore',
      advice: 'restore the newest backup from the folder "backups"',
    });
  }
  const isNew = !existsSync(paths.database);
  if (isNew && !create) {
    throw new FundusLensError('library.unavailable', 'There is no library in this folder.', {
      expected: 'library.sqlite',
      advice: 'choose the folder of a library, or make a new one',
    });
  }
  if (isNew) createFolders(paths);
  const db = openDatabase(paths, busyTimeout);
  try {
    if (db.readOnlyReason === null) {
      createFolders(paths);
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
