import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { inputOf } from './inputs.ts';
import { mutateBytes } from './mutate.ts';
import { runFuzz } from './run-fuzz.ts';
import { fuzzTargets, isAnswer } from './targets.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'разное '));
const corpus = path.join(import.meta.dirname, 'corpus');

afterAll(() => rmSync(scratch, { recursive: true }));

/** What an input leads to: nothing special, an answer, or a defect. */
async function outcomeOf(name: string, bytes: Buffer): Promise<'read' | 'refused'> {
  const target = fuzzTargets.find((each) => each.name === name);
  if (target === undefined) throw new Error(`The corpus has files for ${name}, which is no target.`);
  try {
    await target.read(bytes, mkdtempSync(path.join(scratch, 'corpus ')));
    return 'read';
  } catch (error) {
    if (!isAnswer(error)) throw error;
    return 'refused';
  }
}

describe('files that broke something once', () => {
  const files = readdirSync(corpus).flatMap((target) =>
    readdirSync(path.join(corpus, target)).map((name) => [target, name] as const),
  );

  it.each(files)('are answered: %s/%s', async (target, name) => {
    const outcome = await outcomeOf(target, readFileSync(path.join(corpus, target, name)));
    // What the name begins with says which of the two.
    expect(outcome).toBe(name.startsWith('read-') ? 'read' : 'refused');
  });
});

describe.each(fuzzTargets.map((target) => [target.name, target] as const))(
  'changed files of the kind %s',
  (name, target) => {
    it('end in an answer', async () => {
      const folder = mkdtempSync(path.join(scratch, 'changed '));
      const seeds = await target.seeds(folder);
      for (let index = 0; index < 12; index++) {
        const bytes = inputOf(target, seeds, 1, index);
        await outcomeOf(name, bytes).catch((cause: unknown) => {
          throw new Error(`Input ${index} of ${name} with the seed 1`, { cause });
        });
      }
    });
  },
);

it('the same files are read in a process of their own, where one that hangs would be found', async () => {
  const run = await runFuzz('manifest', 1, 0, 30, scratch);
  expect(run).toMatchObject({ inputs: 30, findings: [] });
  expect(run.peakBytes).toBeGreaterThan(1e6);
});

it('honest files of every kind are read or refused as they are', async () => {
  for (const target of fuzzTargets) {
    const folder = mkdtempSync(path.join(scratch, 'honest '));
    for (const seed of await target.seeds(folder)) {
      expect(() => mutateBytes(seed, seed, () => 0.5)).not.toThrow();
      await outcomeOf(target.name, seed);
    }
  }
});
