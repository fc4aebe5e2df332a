import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const cli = path.resolve(import.meta.dirname, '../../electron/cli/main.ts');

/** A chunk that a worker took or ended, as it said. */
export interface Said {
  readonly at: number;
  /** Beginning of the chunk's id. */
  readonly chunk: string;
  /** null when it ended. */
  readonly claim: number | null;
}

/** A worker in a process of its own, as a host runs it, and all that it said. */
export class WorkerProcess {
  readonly said: Said[] = [];
  readonly exit: Promise<unknown>;
  readonly #child: ChildProcess;
  #rest = '';

  constructor(queue: string, storage: string, cache: string, more: readonly string[] = []) {
    this.#child = spawn(process.execPath, [cli, 'worker', '--queue', queue, '--storage', storage, ...more], {
      env: { ...process.env, XDG_CACHE_HOME: cache },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.exit = once(this.#child, 'exit');
  }

  /** The chunk that it has now; undefined for none. */
  get holds(): string | undefined {
    const last = this.said.at(-1);
    return last !== undefined && last.claim !== null ? last.chunk : undefined;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.exit;
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, at, chunk, what] = /^(\S+) ([0-9a-f]{8}): (.*)$/.exec(line) ?? [];
      if (at === undefined || chunk === undefined || what === undefined) continue;
      const claim = /claim (\d+)$/.exec(what)?.[1];
      this.said.push({ at: Date.parse(at), chunk, claim: claim === undefined ? null : Number(claim) });
    }
  }
}
