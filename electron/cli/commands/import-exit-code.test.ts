import { expect, test } from 'vitest';
import { FundusLensError } from '../../contract/errors.ts';
import type { ImportReport } from '../../contract/imports/imports.ts';
import { exitCodeOfImport } from './import-command.ts';

const report = (state: ImportReport['state'], failed: number): ImportReport => ({
  schema: 'fundus-lens.import-report/1',
  id: 1,
  state,
  sources: [],
  startedAt: '2024-01-01T00:00:00.000Z',
  finishedAt: null,
  counts: { added: 20, duplicate: 0, conflict: 0, failed, skipped: 0, note: 0 },
  entries: [],
});

test('only an import that looked at everything and met nothing wrong ends with 0', () => {
  expect(exitCodeOfImport(report('done', 0), undefined)).toBe(0);
  expect(exitCodeOfImport(report('done', 1), undefined)).toBe(2);
  expect(exitCodeOfImport(report('cancelled', 0), undefined)).toBe(130);
  expect(exitCodeOfImport(report('running', 0), undefined)).toBe(2);
  expect(exitCodeOfImport(report('failed', 0), new FundusLensError('library.disk-full', 'Full.'))).toBe(2);
  expect(exitCodeOfImport(report('failed', 0), new TypeError('x'))).toBe(1);
});
