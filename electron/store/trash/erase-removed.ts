import { FundusLensError } from '../../contract/errors.ts';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { collectContent, neededContent } from './content-collector.ts';
import type { Collected } from './content-collector.ts';
import type { Database } from '../database/database.ts';

export interface Erased extends Collected {
  /** Names of the backups, which still hold what was removed after they were made. */
  readonly backups: readonly string[];
}

/** @throws input.invalid while an import runs */
export async function eraseRemoved(db: Database, paths: LibraryPaths): Promise<Collected> {
  if (db.readOnlyReason !== null) throw db.readOnlyReason;
  const running = db.rows("SELECT id FROM imports WHERE state = 'running'");
  if (running.length > 0) {
    throw new FundusLensError('input.invalid', 'Nothing can be erased while an import runs.', {
      advice: 'wait until the import has ended, or cancel it, and try again',
    });
  }
  // Nothing comes back after this.
  db.execute('DELETE FROM trash');
  const collected = await collectContent(
    paths,
    neededContent((sql) => db.rows(sql)),
    Infinity,
  );
  // The report of an import names files; those whose photographs are gone keep their outcome only.
  db.execute("UPDATE import_entries SET path = '(erased)' WHERE status = 'added' AND imageId IS NULL");
  // Terms of removed texts stay in the index until its parts are merged, and rows in free pages until they are written anew.
  db.execute("INSERT INTO image_search (image_search) VALUES ('optimize')");
  db.execute('VACUUM');
  db.pragma('wal_checkpoint(TRUNCATE)');
  return collected;
}
