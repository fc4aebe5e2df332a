import { describe, expect, it } from 'vitest';
import { runCrashTest } from './crash-test.ts';

describe('a library whose process is killed', () => {
  it.each(['import', 'jobs', 'migration'] as const)('is whole after every kill during %s', async (mode) => {
    const { acknowledged, problems } = await runCrashTest(mode, 4);
    expect(problems).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
  });
});
