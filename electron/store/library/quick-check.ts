import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import type { Database } from '../database/database.ts';
import type { Settings } from '../settings.ts';

const checkSchema = z.object({ at: z.iso.datetime(), found: z.string().nullable() });

/** When the database was last looked through, and what was wrong; null when nothing was. */
export type LastCheck = z.infer<typeof checkSchema>;

const key = 'last-check';

export function lastCheck(settings: Settings): LastCheck | null {
  return settings.get(key, checkSchema.nullable(), null);
}

/** Looks through the structure of every table, one at a time so that other work goes on, and notes the outcome. */
export async function quickCheck(db: Database, settings: Settings, now: Date): Promise<LastCheck> {
  const check = { at: now.toISOString(), found: await findDamage(db) };
  settings.set(key, check);
  return check;
}

async function findDamage(db: Database): Promise<string | null> {
  try {
    const tables = db.rows<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'",
    );
    for (const { name } of tables) {
      const verdict = db.pragma(`quick_check("${name}")`);
      if (verdict !== 'ok') return String(verdict);
      await setImmediate();
    }
    return null;
  } catch (error) {
    if (error instanceof FundusLensError && error.code === 'library.damaged')
      return error.found ?? error.summary;
    throw error;
  }
}
