/** Runs the command line as a person would, in a process of its own; for tests. */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const packageFolder = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');
export const fixtures = path.join(packageFolder, 'data', 'fixtures');
export const checkpoint = path.join(fixtures, 'checkpoints', 'qwen2-5-vl-untied-f32');

export interface CliResult {
  /** null when a signal ended the process. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the running process. */
  readonly whileRunning?: (child: ChildProcess) => void;
}

export function runCli(
  args: readonly string[],
  { cwd, env, whileRunning }: CliOptions = {},
): Promise<CliResult> {
  const started = performance.now();
  // Tests may themselves be run by npm, whose variables would change what paths are relative to.
  const inherited = { ...process.env };
  for (const name of ['INIT_CWD', 'npm_lifecycle_event', 'NO_COLOR']) Reflect.deleteProperty(inherited, name);
  const child = spawn(process.execPath, [path.join(packageFolder, 'electron', 'cli', 'main.ts'), ...args], {
    cwd: cwd ?? packageFolder,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  whileRunning?.(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode, stdout, stderr, milliseconds: performance.now() - started });
    });
  });
}

/** Copies the fixture checkpoint, to be broken. */
export function copyCheckpoint(target: string): string {
  cpSync(checkpoint, target, { recursive: true });
  return target;
}

/** Processes that a process has started and that still run; Linux only. */
export function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}
