import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { experimentResultsSchema, type ExperimentResults } from '../../electron/contract/experiments.ts';
import { createRandom } from '../../electron/engine/readability/statistics/seeded-random.ts';

const cli = path.resolve(import.meta.dirname, '../../electron/cli/main.ts');

export interface KilledExperiment {
  /** Kills that met a run under way, with the traces that were there then. */
  readonly kills: readonly number[];
  /** Traces of the whole experiment. */
  readonly total: number;
  /** Whether every number of the results equals that of a run that nothing interrupted. */
  readonly isSame: boolean;
}

/**
 * Runs an experiment to its end once undisturbed and once with its process killed at random moments (SIGKILL, which nothing can
 * answer to) and begun again, and compares the results.
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
    const met: number[] = [];
    while (met.length < kills) {
      // The shorter what is left, the earlier: every kill is to meet a run.
      const left = (kills - met.length + 1) / (kills + 1);
      if (await run('killed', (0.1 + 0.8 * random()) * whole * left)) break;
      met.push(readDone(path.join(folder, 'killed')));
    }
    if (met.length === kills) await run('killed');
    const read = (name: string) =>
      experimentResultsSchema.parse(
        JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as unknown,
      );
    const [undisturbed, killed] = [read('undisturbed'), read('killed')];
    const isSame = JSON.stringify(numbersOf(undisturbed)) === JSON.stringify(numbersOf(killed));
    return { kills: met, total: undisturbed.experiment.progress.total, isSame };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  function readDone(library: string): number {
    const log = readFileSync(`${library}.log`, 'utf8');
    return Number([...log.matchAll(/(\d+)\/\d+/g)].at(-1)?.[1] ?? 0);
  }
}

/** @returns whether it ended by itself, which it must with exit code 0 */
async function runExperiment(
  file: string,
  library: string,
  results: string,
  killAfter?: number,
): Promise<boolean> {
  const args = ['experiment', 'run', file, '--library', library, '--provider', 'cpu', '-o', results];
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
  writeFileSync(`${library}.log`, output);
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
