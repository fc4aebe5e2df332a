import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import packageJson from '#package.json' with { type: 'json' };
import type { Model } from '../../contract/models/models.ts';
import type { Task } from '../../contract/app/tasks.ts';
import { findAppFolders } from '../../shell/app-folders.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { withLibrary, type LibraryOptions, type LibraryTools } from './library-context.ts';

export interface DiagnosticsOptions extends LibraryOptions {
  readonly output?: string | undefined;
}

/** Lines of each log that are given; a line is an event. */
const mostLines = 500;

/**
 * Writes what a stranger needs to find a fault, as JSON that a person can read before it is given away: versions, the
 * machine, counts, states and error codes, and the log. It holds no names, codes or dates of patients, no file names, no
 * paths, no prompts and no answers, and it is sent nowhere.
 */
export function runDiagnostics({ output, ...library }: DiagnosticsOptions): Promise<number> {
  return withLibrary(library, {}, async (tools) => {
    const text = `${JSON.stringify(await collect(tools), null, 2)}\n`;
    if (output === undefined || output === '-') {
      await print(text);
      return exitCodes.done;
    }
    const part = `${output}.part`;
    await writeFile(part, text, { mode: 0o600 });
    await rename(part, output);
    await print(`Written to ${output}. It was sent nowhere; read it before you give it away.\n`);
    return exitCodes.done;
  });
}

async function collect({ client }: LibraryTools) {
  const { version, librarySchema, providers, offline } = await client.app.info();
  const status = await client.library.status();
  const models = await client.models.list();
  const tasks = await client.tasks.list({ limit: 1000 });
  return {
    schema: 'fundus-lens.diagnostics/1',
    about: 'No names, codes, dates, file names, paths, prompts or answers. Sent nowhere.',
    at: new Date().toISOString(),
    software: {
      version,
      librarySchema,
      node: process.version,
      onnxruntime: packageJson.dependencies['onnxruntime-node'],
    },
    machine: {
      platform: process.platform,
      architecture: process.arch,
      release: os.release(),
      processor: os.cpus()[0]?.model ?? 'unknown',
      cores: os.availableParallelism(),
      memoryBytes: os.totalmem(),
      freeMemoryBytes: os.freemem(),
      load: os.loadavg(),
    },
    providers,
    offline,
    library: {
      state: status.state,
      problem: status.problem?.code ?? null,
      schemaVersion: status.schemaVersion,
      counts: status.counts,
      databaseBytes: status.databaseBytes,
      freeBytes: status.freeBytes,
      lastCheckFoundFault: status.lastCheck === null ? null : status.lastCheck.found !== null,
    },
    models: models.map(describeModel),
    tasks: countTasks(tasks),
    log: readLog(findAppFolders().logs),
  };
}

/** A model by its hash: its name and folder are a person's. */
function describeModel({ sha256, family, builtIn, available, weightFormat, numLayers, dModel, gate }: Model) {
  return { sha256, family, builtIn, available, weightFormat, numLayers, dModel, gatePassed: gate !== null };
}

/** By kind, state and error code, of the newest 1,000. */
function countTasks(tasks: readonly Task[]) {
  const counts = new Map<string, number>();
  for (const { kind, state, problem } of tasks) {
    const key = [kind, state, problem?.code].filter(Boolean).join(' ');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Log lines name events, codes and places in the program only; see `shell/log.ts`. Crashes are among them. */
function readLog(folder: string): unknown[] {
  return ['fundus-lens.1.log', 'fundus-lens.log'].flatMap((name) => {
    const file = path.join(folder, name);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    return lines.slice(-mostLines).map((line): unknown => {
      try {
        return JSON.parse(line);
      } catch {
        return { level: 'unreadable' };
      }
    });
  });
}
