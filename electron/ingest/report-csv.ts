import type { ImportReport } from '../contract/imports/imports.ts';
import { formatCsv } from './csv.ts';

/** The report as a table for a spreadsheet, with a byte-order mark so that Excel reads it as UTF-8. */
export function importReportToCsv(report: ImportReport): string {
  const rows = report.entries.map(({ path, status, reason, detail, sha256, imageId }) => [
    path,
    status,
    reason,
    detail,
    sha256,
    imageId,
  ]);
  return `\uFEFF${formatCsv([['path', 'status', 'reason', 'detail', 'sha256', 'image'], ...rows])}`;
}
