import { FundusLensError } from '../../contract/errors.ts';
import { guarded } from './database.ts';
import type { Database } from './database.ts';
import { migrations as allMigrations } from './migrations/index.ts';

/** The schema this software writes. */
export const schemaVersion = allMigrations.length;

export function readSchemaVersion(database: Database): number {
  return Number(database.pragma('user_version'));
}

/**
 * Brings the schema up to date, one transaction per version, so that a crash leaves a whole version.
 *
 * @param migrations entry i takes version i to version i + 1
 * @returns how many were applied
 */
export function migrate(database: Database, migrations: readonly string[] = allMigrations): number {
  let applied = 0;
  for (let version = readSchemaVersion(database); version < migrations.length; version++) {
    guarded(() =>
      database.connection
        .transaction(() => {
          // Another process may have done this step while we waited for the lock.
          if (readSchemaVersion(database) !== version) return;
          database.connection.exec(migrations[version]!);
          database.connection.pragma(`user_version = ${version + 1}`);
          applied++;
        })
        .immediate(),
    );
  }
  return applied;
}

export function newerSchema(found: number): FundusLensError {
  return new FundusLensError(
    'library.newer-schema',
    'The library was written by a newer version of this software; it is open for reading only.',
    {
      expected: `schema ${schemaVersion} or older`,
      found: `schema ${found}`,
      advice: 'install the newer version to change anything',
    },
  );
}
