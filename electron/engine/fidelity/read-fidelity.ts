import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fidelityReportSchema, type TraceFidelity } from '../lens-trace/fidelity-report.ts';
import { preparedFiles } from '../../contract/models/prepared-model.ts';

/** What was measured of a prepared folder's weights; null before that, and when it was measured of others. */
export function readFidelity(folder: string, preparedId: string): TraceFidelity | null {
  try {
    const json: unknown = JSON.parse(readFileSync(path.join(folder, preparedFiles.fidelity), 'utf8'));
    const report = fidelityReportSchema.parse(json);
    return report.preparedId === preparedId ? report.summary : null;
  } catch {
    // Missing, damaged or of a newer version: nothing is known.
    return null;
  }
}
