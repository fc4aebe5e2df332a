import { expect, it } from 'vitest';
import { injectFaults } from './faults.ts';

it('a library survives every kind of fault, and each is counted', async () => {
  const results = await injectFaults(3);
  expect(results.map(({ kind, problems }) => ({ kind, problems }))).toEqual([
    { kind: 'library moved while open', problems: [] },
    { kind: 'two programs on one library', problems: [] },
    { kind: 'clock that jumps', problems: [] },
    { kind: 'kill during import', problems: [] },
    { kind: 'kill during jobs', problems: [] },
    { kind: 'kill during migration', problems: [] },
  ]);
  expect(results.every(({ tried, survived }) => tried > 0 && survived === tried)).toBe(true);
});
