import { execFile } from 'node:child_process';
import { setPriority } from 'node:os';

export interface ChildOptions {
  readonly seconds: number;
  /** Whether it gives way to what is measured meanwhile. */
  readonly background?: boolean;
}

/**
 * Runs a program to its end.
 *
 * @returns what it printed
 * @throws Error with the end of its stderr
 */
export function runChild(
  program: string,
  args: readonly string[],
  { seconds, background = false }: ChildOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: 1 << 28 } as const;
    const child = execFile(program, args, limits, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.killed === true) reject(new Error(`not done after ${seconds} s; ${tail(stderr)}`));
      else reject(new Error(tail(stderr) || error.message));
    });
    if (background && child.pid !== undefined) setPriority(child.pid, 19);
  });
}

function tail(text: string): string {
  return text.trim().slice(-1500);
}
