import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import SqliteDatabase from 'better-sqlite3';
import { experimentResultsSchema, type ExperimentResults } from '../../electron/contract/experiments.ts';
import { createRandom } from '../../electron/engine/readability/statistics/seeded-random.ts';

const cli = path.resolve(import.meta.dirname, '../../electron/cli/main.ts');

export interface KilledExperiment {
  /** Kills that met a run under way, with the traces that were there then. */
  readonly kills: readonly number[];
  /** Times that it was begun in an empty library: a run that ends before its moment begins it anew. */
  readonly begun: number;
  /** Traces of the whole experiment. */
  readonly total: number;
  /** Whether every number of the results equals that of a run that nothing interrupted. */
  readonly isSame: boolean;
}

/**
 * Runs an experiment to its end once undisturbed, and then with its process killed at random moments (SIGKILL, which nothing can
 * answer to) and gone on with, as often as it takes for that many kills, and compares the results.
 *
 * @param file   experiment as YAML
 * @param seed   of the moments, drawn over as long as the undisturbed run took
 */
export async function killExperiment(file: string, kills: number, seed: number): Promise<KilledExperiment> {
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-kills-'));
  try {
    const run = (name: string, killAfter?: number) =>
      runExperiment(file, path.join(folder, name), path.join(folder, `${name}.json`), killAfter);
    const started = performance.now();
    await run('undisturbed');
    const whole = performance.now() - started;
    const random = createRandom(seed);
    const undisturbed = readResults('undisturbed');
    const met: number[] = [];
    let begun = 0;
    let isSame = true;
    while (met.length < kills) {
      const name = `killed-${begun++}`;
      let isDone = false;
      while (!isDone) {
        isDone = await run(name, met.length < kills ? random() * whole : undefined);
        if (!isDone) met.push(countTraces(path.join(folder, name)));
      }
      isSame &&= JSON.stringify(numbersOf(undisturbed)) === JSON.stringify(numbersOf(readResults(name)));
    }
    return { kills: met, begun, total: undisturbed.experiment.progress.total, isSame };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  function readResults(name: string): ExperimentResults {
    const text = readFileSync(path.join(folder, `${name}.json`), 'utf8');
    return experimentResultsSchema.parse(JSON.parse(text) as unknown);
  }
}

/** Of a library as the kill left it; looked at in a copy, so that nothing of it is mended. */
function countTraces(library: string): number {
  if (!existsSync(path.join(library, 'library.sqlite'))) return 0;
  const copy = mkdtempSync(path.join(tmpdir(), 'fundus-lens-kills-'));
  try {
    for (const name of readdirSync(library).filter((each) => each.startsWith('library.sqlite')))
      cpSync(path.join(library, name), path.join(copy, name));
    const database = new SqliteDatabase(path.join(copy, 'library.sqlite'));
    try {
      const hasTraces =
        database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'traces'").get() !== undefined;
      if (!hasTraces) return 0;
      return (database.prepare('SELECT count(*) AS traces FROM traces').get() as { traces: number }).traces;
    } finally {
      database.close();
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** @returns whether it ended by itself, which it must with exit code 0 */
async function runExperiment(
  file: string,
  library: string,
  results: string,
  killAfter?: number,
): Promise<boolean> {
  const args = [
    'experiment',
    'run',
    file,
    '--library',
    library,
    '--provider',
    'cpu',
    '-o',
    results,
    '--overwrite',
  ];
  // A group of its own: the engine's process ends with it, as at a power cut.
  const child = spawn(process.execPath, [cli, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const stop = new AbortController();
  if (killAfter !== undefined)
    void pause(killAfter, undefined, { signal: stop.signal }).then(
      () => process.kill(-child.pid!, 'SIGKILL'),
      () => undefined,
    );
  const code = await ended;
  stop.abort();
  if (code === 0) return true;
  if (code === null && killAfter !== undefined) return false;
  throw new Error(`experiment run ended with ${code}: ${output}`);
}

/** Everything but when and under which number it was stored. */
function numbersOf({ experiment, provenance, photographs, conditions, ...rest }: ExperimentResults) {
  return {
    ...rest,
    plan: experiment.planSha256,
    progress: { ...experiment.progress, millisecondsLeft: null },
    conditions: conditions.map((condition) => ({ ...condition, modelId: 0 })),
    provenance: { ...provenance, fixedAt: '' },
    photographs: photographs
      .map((photograph) => ({
        ...photograph,
        imageId: 0,
        cells: photograph.cells.map((cell) => ({ ...cell, traceId: 0 })),
      }))
      .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
  };
}
