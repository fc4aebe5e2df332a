import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import type { ConceptSet } from '../electron/engine/lens-trace/concept-set.ts';
import { makeRandomCheckpoint, middleShape } from './checkpoints/random-checkpoint.ts';
import { benchRequest } from './engine.ts';
import { median } from './median.ts';
import type { TraceMeasurement } from './trace-process.ts';

export interface CommitsBenchOptions {
  /** Where the random checkpoint is kept between runs. */
  readonly folder: string;
  /** Anything that git takes for a commit; its `bench/trace-process.ts` measures it. */
  readonly against: string;
  /** Turns; each measures every case in both trees. */
  readonly rounds: number;
  /** Warm runs of a measurement, of which it gives the median. */
  readonly repeat: number;
}

interface Case {
  readonly name: string;
  readonly request: object;
}

const root = path.resolve(import.meta.dirname, '..');

/**
 * This tree beside that of an earlier commit, in one run: the same requests go to the engine of either, each in a
 * process of its own and in turn, so that what else the machine does meets both. Prints ratios of times, now over
 * then, with their range over the rounds.
 *
 * @throws Error of git when there is no such commit; of the earlier engine where it refuses a request of today
 */
export function runCommitsBench({ folder, against, rounds, repeat }: CommitsBenchOptions): void {
  const commit = git('rev-parse', '--short', `${against}^{commit}`);
  const before = mkdtempSync(path.join(tmpdir(), 'fundus-lens-commit-'));
  try {
    git('worktree', 'add', '--detach', '--force', before, commit);
    symlinkSync(path.join(root, 'node_modules'), path.join(before, 'node_modules'), 'dir');
    say(
      `now: ${git('describe', '--always', '--dirty')}, then: ${commit}; ${rounds} rounds, medians of ${repeat} warm runs`,
    );
    say(`${'case'.padEnd(44)} ${'now s'.padStart(8)} ${'then s'.padStart(8)}  now/then (lowest … highest)`);
    for (const { name, request } of listCases(folder)) {
      const pairs = Array.from({ length: rounds }, (_, round) => {
        // Whoever goes first finds the other's files in no cache of its own: they take turns.
        const trees = round % 2 === 0 ? [root, before] : [before, root];
        const measured = new Map(trees.map((tree) => [tree, measure(tree, request, folder, repeat)]));
        return { now: measured.get(root)!, then: measured.get(before)! };
      });
      compare(name, pairs, ({ trace }) => trace);
      compare(`  ${name}: lens`, pairs, ({ stages }) => stages.lens);
      compare(`  ${name}: another prompt`, pairs, ({ again }) => again?.trace ?? null);
    }
    say(`load at the end ${loadavg()[0]!.toFixed(1)}`);
  } finally {
    rmSync(path.join(before, 'node_modules'), { force: true });
    git('worktree', 'remove', '--force', before);
    rmSync(before, { recursive: true, force: true });
  }
}

function listCases(folder: string): Case[] {
  mkdirSync(folder, { recursive: true });
  const middle = makeRandomCheckpoint(folder, middleShape, 'F32');
  const bundled = path.join(root, 'models/demo');
  const conceptSet = JSON.parse(
    readFileSync(path.join(root, 'resources/concepts/fundus.json'), 'utf8'),
  ) as ConceptSet;
  const plain = (modelDir: string, positions: 'last' | 'all') => benchRequest({ modelDir, positions });
  return [
    { name: 'middle size, last position', request: plain(middle, 'last') },
    { name: 'middle size, all positions', request: plain(middle, 'all') },
    {
      name: `middle size, last, ${conceptSet.concepts.length} concepts`,
      request: { ...plain(middle, 'last'), conceptSet },
    },
    { name: 'bundled model, last position', request: plain(bundled, 'last') },
    {
      name: `bundled model, all, ${conceptSet.concepts.length} concepts`,
      request: { ...plain(bundled, 'all'), conceptSet },
    },
  ];
}

function measure(tree: string, request: object, folder: string, repeat: number): TraceMeasurement {
  const file = path.join(folder, 'commits-request.json');
  writeFileSync(file, JSON.stringify(request));
  const script = path.join(tree, 'bench/trace-process.ts');
  if (!existsSync(script)) throw new Error(`${script} does not exist: that commit cannot be measured`);
  return JSON.parse(
    execFileSync(process.execPath, [script, file, `${repeat}`], { encoding: 'utf8', cwd: tree }),
  ) as TraceMeasurement;
}

function compare(
  name: string,
  pairs: readonly { readonly now: TraceMeasurement; readonly then: TraceMeasurement }[],
  seconds: (measurement: TraceMeasurement) => number | null,
): void {
  const times = pairs.flatMap(({ now, then }) => {
    const [first, second] = [seconds(now), seconds(then)];
    return first === null || second === null ? [] : [{ now: first, then: second, ratio: first / second }];
  });
  if (times.length === 0) return;
  const ratios = times.map(({ ratio }) => ratio);
  const column = (value: number) => value.toFixed(3).padStart(8);
  say(
    `${name.padEnd(44)} ${column(median(times.map(({ now }) => now)))} ${column(median(times.map(({ then }) => then)))}  ` +
      `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)})`,
  );
}

function git(...command: readonly string[]): string {
  return execFileSync('git', command, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
