import { statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Backup, LibraryStatus, VerifyReport } from '../../contract/app/library.ts';
import { problemOf } from '../../contract/problem.ts';
import { restoreBackup } from '../../store/library/backups.ts';
import type { Backup as StoredBackup, BackupLimits } from '../../store/library/backups.ts';
import { openLibrary } from '../../store/library/library.ts';
import type { Library, OpenOptions } from '../../store/library/library.ts';
import { AuditSignature } from './audit-signature.ts';
import { unknownBackup } from './restore-damaged.ts';
import { schemaVersion } from '../../store/database/migrate.ts';

const day = 86_400_000;

export interface SessionOptions extends OpenOptions {
  /** File outside the library with the key that signs its log; null signs nothing. */
  readonly auditKeyFile?: string | null;
}

/** The library that is open now; a restore puts another in its place. */
export class LibrarySession {
  readonly folder: string;
  /** Whether what comes with the software is still on its way in. */
  isFilling = false;
  readonly #options: OpenOptions;
  readonly #signature: AuditSignature;
  #library: Library;

  private constructor(folder: string, { auditKeyFile = null, ...options }: SessionOptions, library: Library) {
    this.folder = folder;
    this.#options = options;
    this.#signature = new AuditSignature(auditKeyFile);
    this.#library = library;
  }

  /** @throws whatever `openLibrary` throws */
  static async open(folder: string, options: SessionOptions): Promise<LibrarySession> {
    return new LibrarySession(folder, options, await openLibrary(folder, options));
  }

  get library(): Library {
    return this.#library;
  }

  get isReadOnly(): boolean {
    return this.#library.readOnlyReason !== null;
  }

  async status(): Promise<LibraryStatus> {
    const { readOnlyReason, warnings, paths, search, patients, traces, groups } = this.#library;
    const [newest] = await this.#library.backups();
    return {
      folder: this.folder,
      state: readOnlyReason === null ? 'open' : 'read-only',
      problem: readOnlyReason === null ? null : problemOf(readOnlyReason),
      warnings: [...warnings],
      schemaVersion,
      counts: {
        images: search.count({}),
        patients: patients.count(),
        traces: traces.count(),
        groups: groups.list().length,
      },
      databaseBytes: databaseBytes(paths.database),
      freeBytes: freeBytes(paths.root),
      lastBackupAt: newest?.madeAt.toISOString() ?? null,
      lastCheck: this.#library.lastCheck,
      isFilling: this.isFilling,
    };
  }

  async backups(): Promise<Backup[]> {
    return (await this.#library.backups()).map(describe);
  }

  async backup(limits: BackupLimits): Promise<Backup> {
    return { ...describe(await this.#library.backup(limits)), verified: true };
  }

  /** Makes a backup when the newest is older than that many days and there is something to keep. */
  async backupWhenDue(everyDays: number, limits: BackupLimits): Promise<Backup | null> {
    if (this.isReadOnly || this.#library.search.count({}) === 0) return null;
    const [newest] = await this.#library.backups();
    const age = newest === undefined ? Infinity : Date.now() - newest.madeAt.getTime();
    return age < everyDays * day ? null : this.backup(limits);
  }

  /** Looks through the database when that was last done more than so many days ago; null when it was not due. */
  async checkWhenDue(everyDays: number): Promise<LibraryStatus['lastCheck']> {
    const last = this.#library.lastCheck;
    const age = last === null ? Infinity : Date.now() - Date.parse(last.at);
    return age < everyDays * day ? null : this.#library.check();
  }

  /**
   * Puts a backup in the library's place. Nobody else may use the library meanwhile.
   *
   * @throws input.invalid for an unknown name; whatever keeps the backup from being used, such as library.damaged, and
   *   the present library is open again
   */
  async restore(name: string): Promise<void> {
    const backup = (await this.#library.backups()).find(({ file }) => path.basename(file) === name);
    if (backup === undefined) {
      throw unknownBackup(name);
    }
    this.#library.close();
    let replaced: string | null = null;
    try {
      replaced = await restoreBackup(this.folder, backup.file);
      this.#library = await openLibrary(this.folder, this.#options);
    } catch (error) {
      if (replaced !== null) await restoreBackup(this.folder, replaced);
      this.#library = await openLibrary(this.folder, this.#options);
      throw error;
    }
    if (!this.isReadOnly) this.#library.audit.append('library.restore', 'library', { backup: name });
  }

  async verify(signal?: AbortSignal): Promise<VerifyReport> {
    const verdict = await this.#library.verify(signal);
    const forged = this.#signature.check(this.#library);
    const problems = [
      ...verdict.database.map((line) => `The database says: ${line}.`),
      ...verdict.missingFiles.map((file) => `${file} is missing.`),
      ...verdict.changedFiles.map((file) => `${file} is not what was imported.`),
      ...(verdict.audit.intact
        ? []
        : [`The audit log was changed at entry ${verdict.audit.firstBadId} or is damaged there.`]),
      ...(forged === null ? [] : [forged]),
    ];
    return {
      ok: problems.length === 0,
      problems,
      checked: {
        images: this.#library.search.count({}),
        arrayFiles: verdict.filesChecked,
        auditEntries: verdict.audit.entries,
      },
      leftOver: [...verdict.leftOverFiles],
      auditIntact: verdict.audit.intact && forged === null,
    };
  }

  close(): void {
    try {
      this.#signature.sign(this.#library);
    } catch {
      // On a full disk the last signature stands for what was signed then.
    }
    this.#library.close();
  }
}

function describe({ file, bytes, madeAt }: StoredBackup): Backup {
  return { name: path.basename(file), createdAt: madeAt.toISOString(), bytes, verified: null };
}

function freeBytes(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

/** The file, and beside it what was written last and waits to be taken over. */
function databaseBytes(file: string): number {
  return [file, `${file}-wal`].reduce(
    (sum, part) => sum + (statSync(part, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}
