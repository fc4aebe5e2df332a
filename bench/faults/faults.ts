import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FundusLensError } from '../../electron/contract/errors.ts';
import { createRandom } from '../../electron/engine/readability/statistics/seeded-random.ts';
import { contentKey } from '../../electron/store/database/canonical-json.ts';
import { openLibrary } from '../../electron/store/library/library.ts';
import type { Library } from '../../electron/store/library/library.ts';
import { addRecords, makeRecord } from '../../electron/store/testing.ts';
import { generateTrace } from '../fixtures/generated-records.ts';
import { runCrashTest } from './crash-test.ts';

export interface FaultResult {
  readonly kind: string;
  readonly tried: number;
  readonly survived: number;
  /** What was acknowledged and is gone, is there twice, or was refused in no words of ours. */
  readonly problems: readonly string[];
}

type Fault = (folder: string, number: number, random: () => number) => Promise<string | null>;

/** Every fault on a library of its own; each says what was lost, or null. */
const faults: Readonly<Record<string, Fault>> = {
  'library moved while open': async (folder, number) => {
    const library = await openLibrary(folder);
    try {
      const bytes = Buffer.from(`photograph ${number}`);
      await library.files.write('originals/aa/a.jpg', bytes);
      addRecords(library, [makeRecord(`${number}.jpg`)]);
      renameSync(folder, `${folder} moved`);
      const refused = await library.files.write('originals/bb/b.jpg', bytes).catch((error: unknown) => error);
      const begun = existsSync(folder);
      renameSync(`${folder} moved`, folder);
      if (!isCode(refused, 'library.unavailable'))
        return `writing did not end in an answer: ${String(refused)}`;
      if (begun) return 'a second library was begun at the old place';
      await library.files.write('originals/bb/b.jpg', bytes);
      return await wholeWith(library, 1);
    } finally {
      library.close();
    }
  },
  'two programs on one library': async (folder, number, random) => {
    const [first, second] = [await openLibrary(folder), await openLibrary(folder)];
    try {
      for (let i = 0; i < 10; i++)
        addRecords(random() < 0.5 ? first : second, [makeRecord(`${number}-${i}.jpg`)]);
      return (await wholeWith(first, 10)) ?? (await wholeWith(second, 10));
    } finally {
      second.close();
      first.close();
    }
  },
  'clock that jumps': async (folder, number, random) => {
    let offset = 0;
    const library = await openLibrary(folder, { now: () => new Date(Date.now() + offset) });
    try {
      const jobs = Array.from({ length: 6 }, (_, job) => ({
        kind: 'trace',
        contentKey: contentKey({ number, job }),
        request: { job },
        imageId: null,
        modelKey: '',
        maxAttempts: 100,
      }));
      library.queue.enqueue(jobs);
      // Years ahead or back between any two steps.
      const jump = () => (offset = (random() - 0.5) * 2 * 3.15e11);
      for (let step = 0; step < 100 && library.queue.counts().queued > 0; step++) {
        jump();
        library.queue.recover((worker) => worker === 'ours');
        const task = library.queue.claim({ worker: 'ours', leaseMilliseconds: 60_000 });
        jump();
        if (task === undefined) continue;
        const details = { imageId: null, contentKey: task.contentKey, conceptSet: null };
        library.queue.finish(task.id, 'ours', () =>
          library.traces.insert(generateTrace(task.id, null), details),
        );
      }
      const { done } = library.queue.counts();
      if (done !== 6 || library.traces.count() !== 6)
        return `${done} of 6 done, ${library.traces.count()} traces`;
      return await wholeWith(library, 0);
    } finally {
      library.close();
    }
  },
};

/**
 * Injects faults and checks after each that what was acknowledged is there once and the library is whole.
 *
 * @param perKind faults of each kind; of each of the three kinds of kills a fifth of that, for they take a second each
 */
export async function injectFaults(perKind: number, seed = 1): Promise<FaultResult[]> {
  const random = createRandom(seed);
  const results: FaultResult[] = [];
  for (const [kind, fault] of Object.entries(faults)) {
    const problems: string[] = [];
    for (let number = 0; number < perKind; number++) {
      const scratch = mkdtempSync(path.join(tmpdir(), 'сбой '));
      try {
        const lost = await fault(path.join(scratch, 'Библиотека'), number, random);
        if (lost !== null) problems.push(`${number}: ${lost}`);
      } catch (error) {
        problems.push(`${number}: ${String(error)}`);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }
    results.push({ kind, tried: perKind, survived: perKind - problems.length, problems });
  }
  for (const mode of ['import', 'jobs', 'migration'] as const) {
    const { kills, problems } = await runCrashTest(mode, Math.ceil(perKind / 5), random);
    const hurt = new Set(problems.map((problem) => problem.split(':', 1)[0])).size;
    results.push({ kind: `kill during ${mode}`, tried: kills, survived: kills - hurt, problems });
  }
  return results;
}

export async function runFaultsBench(perKind: number): Promise<void> {
  const results = await injectFaults(perKind);
  for (const { kind, tried, survived, problems } of results) {
    process.stdout.write(
      `${kind.padEnd(30)} tried ${tried}, survived ${survived}, lost ${tried - survived}\n`,
    );
    for (const problem of problems.slice(0, 5)) process.stdout.write(`  ${problem}\n`);
  }
  const [tried, survived] = [sum(results, 'tried'), sum(results, 'survived')];
  process.stdout.write(`all: tried ${tried}, survived ${survived}, lost ${tried - survived}\n`);
  if (survived < tried) process.exitCode = 1;
}

const sum = (results: readonly FaultResult[], key: 'tried' | 'survived'): number =>
  results.reduce((total, result) => total + result[key], 0);

/** @returns what is wrong; null when so many images are there and everything passes its check */
async function wholeWith(library: Library, images: number): Promise<string | null> {
  const found = library.search.count({});
  if (found !== images) return `${found} of ${images} images`;
  const { database, missingFiles, changedFiles, audit } = await library.verify();
  const wrong = [
    ...database,
    ...changedFiles,
    ...missingFiles.filter((file) => !file.startsWith('/photos/') && !file.startsWith('thumbnails/')),
  ];
  if (!audit.intact) wrong.push('the log is broken');
  return wrong.length === 0 ? null : wrong.slice(0, 3).join('; ');
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof FundusLensError && error.code === code;
