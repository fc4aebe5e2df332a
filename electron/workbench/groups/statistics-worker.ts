/** Entry of the thread that reads the curves of groups and computes their statistics. */

import { parentPort, workerData } from 'node:worker_threads';
import type { GroupStatistics } from '../../contract/images/groups.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { serializeError, type SerializedError } from '../../contract/problem.ts';
import { openForReading } from '../../store/database/open-database.ts';
import { groupStatistics } from './group-statistics.ts';
import type { StatisticsOrder } from './group-statistics.ts';
import { readGroupCurves } from './read-curves.ts';
import type { CurveQuestion } from './read-curves.ts';

export interface StatisticsTask extends StatisticsOrder, Omit<CurveQuestion, 'groupId'> {
  /** Of the database. */
  readonly file: string;
  /** The group, and the controls where there are any. */
  readonly groups: readonly { readonly id: number; readonly name: string }[];
}

export type StatisticsMessage = { readonly result: GroupStatistics } | { readonly failure: SerializedError };

const busyTimeout = 10_000;
const task = workerData as StatisticsTask;

function work(): StatisticsMessage {
  const onlyRead = new FundusLensError('library.read-only', 'Statistics change nothing.');
  const db = openForReading(task.file, busyTimeout, onlyRead);
  try {
    const [group, control] = task.groups.map(({ id, name }) => ({
      ...readGroupCurves(db, { ...task, groupId: id }),
      name,
    }));
    return { result: groupStatistics(group!, control ?? null, task) };
  } catch (error) {
    return { failure: serializeError(error) };
  } finally {
    db.close();
  }
}

parentPort?.postMessage(work());
