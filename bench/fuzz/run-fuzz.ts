import { spawn } from 'node:child_process';
import path from 'node:path';
import type { FuzzMessage } from './inputs.ts';

/** What must not happen to any input. */
export const fuzzLimits = { milliseconds: 10_000, bytes: 1.5e9 } as const;

export interface FuzzFinding {
  readonly target: string;
  readonly index: number;
  readonly kind: 'defect' | 'crash' | 'hang' | 'memory';
  readonly detail: string;
}

export interface FuzzRun {
  readonly inputs: number;
  readonly peakBytes: number;
  /** Of the slowest input, milliseconds. */
  readonly slowest: number;
  readonly findings: readonly FuzzFinding[];
}

/**
 * Reads inputs `first` … `first + count` − 1 of a target in a process of its own. One that hangs, dies or takes too much memory
 * is noted, and a new process goes on behind it.
 */
export async function runFuzz(
  target: string,
  seed: number,
  first: number,
  count: number,
  scratch: string,
): Promise<FuzzRun> {
  const findings: FuzzFinding[] = [];
  let [peakBytes, slowest, done] = [0, 0, 0];
  while (done < count) {
    const part = await runOnce(target, seed, first + done, count - done, scratch);
    findings.push(...part.findings);
    peakBytes = Math.max(peakBytes, part.peakBytes);
    slowest = Math.max(slowest, part.slowest);
    done += part.inputs;
  }
  return { inputs: done, peakBytes, slowest, findings };
}

function runOnce(
  target: string,
  seed: number,
  first: number,
  count: number,
  scratch: string,
): Promise<FuzzRun> {
  return new Promise((resolve, reject) => {
    const args = [path.join(import.meta.dirname, 'fuzz-child.ts'), target, seed, first, count, scratch];
    const child = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
    const findings: FuzzFinding[] = [];
    let [peakBytes, slowest, rest, errors] = [0, 0, '', ''];
    let at = first;
    let begun: number | null = null;
    let reason: 'hang' | 'memory' | null = null;
    const find = (kind: FuzzFinding['kind'], detail: string) =>
      findings.push({ target, index: at, kind, detail });
    const stop = (kind: 'hang' | 'memory', detail: string) => {
      if (reason !== null) return;
      reason = kind;
      find(kind, detail);
      child.kill('SIGKILL');
    };
    const watch = setInterval(() => {
      if (begun !== null && performance.now() - begun > fuzzLimits.milliseconds) {
        stop('hang', `no answer in ${fuzzLimits.milliseconds / 1000} s`);
      }
    }, 200);
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        const message = JSON.parse(line) as FuzzMessage;
        at = message.at;
        if (message.peakBytes === undefined) {
          begun = performance.now();
          continue;
        }
        slowest = Math.max(slowest, performance.now() - (begun ?? performance.now()));
        begun = null;
        peakBytes = Math.max(peakBytes, message.peakBytes);
        if (typeof message.thrown === 'string') find('defect', message.thrown);
        if (message.peakBytes > fuzzLimits.bytes) stop('memory', `${Math.round(message.peakBytes / 1e6)} MB`);
      }
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      const isWhole = code === 0 && reason === null;
      if (!isWhole && reason === null) {
        if (begun === null && at === first) {
          reject(new Error(`The target ${target} does not start: ${errors}`));
          return;
        }
        find('crash', `${signal ?? `exit code ${code}`}: ${errors}`);
      }
      resolve({ inputs: isWhole ? count : at - first + 1, peakBytes, slowest, findings });
    });
  });
}
