import SqliteDatabase from 'better-sqlite3';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { contentKey } from '../../electron/store/database/canonical-json.ts';
import { openLibrary } from '../../electron/store/library/library.ts';
import { migrations } from '../../electron/store/database/migrations/index.ts';
import { generateImportFolder } from '../fixtures/import-folder.ts';

export type CrashMode = 'import' | 'jobs' | 'migration';

export interface CrashResult {
  readonly mode: CrashMode;
  readonly kills: number;
  /** Kills that came after the work was over, and so proved nothing. */
  readonly tooLate: number;
  /** Images, traces or rows that were acknowledged and found again. */
  readonly acknowledged: number;
  readonly problems: readonly string[];
}

const child = path.join(import.meta.dirname, 'crash-child.ts');
/** Longest wait before the kill, from the moment the child is ready; milliseconds. */
const longestDelay = { import: 1500, jobs: 1500, migration: 450 } as const;
/** Kills that one library survives before a fresh one takes its place. */
const killsPerLibrary = 2;

/**
 * Kills a working process with SIGKILL at random moments, and after each kill checks that the library is whole, that
 * everything acknowledged is there, and that nothing is there by half.
 */
export async function runCrashTest(
  mode: CrashMode,
  kills: number,
  random = Math.random,
): Promise<CrashResult> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'сбой '));
  const problems: string[] = [];
  let acknowledged = 0;
  let tooLate = 0;
  try {
    const source = path.join(scratch, 'source');
    if (mode === 'import') await generateImportFolder(source, 120, 8);
    let folder = '';
    let seen = new Set<string>();
    for (let kill = 0; kill < kills; kill++) {
      if (kill % killsPerLibrary === 0 || mode === 'migration') {
        if (folder !== '') rmSync(folder, { recursive: true });
        folder = path.join(scratch, `Библиотека ${kill}`);
        seen = new Set();
        await prepare(mode, folder);
      }
      const lines = await killAtRandom(mode, folder, source, random() * longestDelay[mode]);
      if (lines.includes('end')) tooLate++;
      const found = await check(mode, folder, lines, seen);
      problems.push(...found.problems.slice(0, 20).map((problem) => `kill ${kill}: ${problem}`));
      acknowledged += found.acknowledged;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  return { mode, kills, tooLate, acknowledged, problems };
}

const oldRows = 8000;

async function prepare(mode: CrashMode, folder: string): Promise<void> {
  if (mode === 'migration') {
    makeOldLibrary(folder);
    return;
  }
  const library = await openLibrary(folder);
  if (mode === 'jobs') {
    const jobs = Array.from({ length: 300 }, (_, number) => ({
      kind: 'trace',
      contentKey: contentKey({ number }),
      request: { number },
      imageId: null,
      modelKey: '',
      maxAttempts: 1000,
    }));
    library.queue.enqueue(jobs);
  }
  library.close();
}

/** A library of the first schema, so that opening it has several migrations to do. */
function makeOldLibrary(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const connection = new SqliteDatabase(path.join(folder, 'library.sqlite'));
  connection.pragma('journal_mode = WAL');
  connection.pragma(`application_id = 1179405907`);
  connection.exec(migrations[0]!);
  connection.pragma('user_version = 1');
  const insert = connection.prepare(
    `INSERT INTO images (sha256, fileName, nameKey, originalPath, storage, bytes, format, width, height, bitDepth,
      laterality, lateralitySource, importedAt)
    VALUES (?, ?, ?, '/x', 'in-place', 1, 'jpeg', 1, 1, 8, 'R', 'user', '2024-01-01T00:00:00.000Z')`,
  );
  connection.transaction(() => {
    for (let i = 0; i < oldRows; i++)
      insert.run(i.toString(16).padStart(64, '0'), `снимок ${i}`, `снимок ${i}`);
  })();
  connection.close();
}

function killAtRandom(mode: CrashMode, folder: string, source: string, delay: number): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const worker = spawn(process.execPath, [child, mode, folder, source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    let armed = false;
    worker.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (armed || !output.includes(mode === 'migration' ? 'ready' : 'open')) return;
      armed = true;
      setTimeout(() => worker.kill('SIGKILL'), delay);
    });
    worker.on('error', reject);
    worker.on('close', () => {
      // A line without its end was being written when the process died: nothing was promised.
      resolve(output.split('\n').slice(0, -1));
    });
  });
}

async function check(
  mode: CrashMode,
  folder: string,
  lines: readonly string[],
  seen: Set<string>,
): Promise<{ acknowledged: number; problems: string[] }> {
  const problems: string[] = [];
  if (mode === 'migration') checkVersion(folder, problems);
  const library = await openLibrary(folder);
  try {
    const verdict = await library.verify();
    problems.push(...verdict.database);
    // The old library of the migration has rows only.
    if (mode !== 'migration') problems.push(...verdict.missingFiles.map((file) => `missing ${file}`));
    problems.push(...verdict.changedFiles.map((file) => `changed ${file}`));
    if (!verdict.audit.intact) problems.push('the audit log is broken');
    if (mode === 'migration') {
      const count = library.search.count({ filter: { text: 'снимок' } });
      if (count !== oldRows) problems.push(`${count} of ${oldRows} rows are searchable`);
      return { acknowledged: count, problems };
    }
    if (mode === 'import') library.imports.closeInterrupted();
    for (const line of lines) {
      const [what, key] = line.split(' ') as [string, string];
      if (what === 'image') {
        const image = library.images.findBySha256(key);
        if (image === undefined) problems.push(`acknowledged image ${key} is gone`);
        else if (library.search.count({ filter: { ids: [image.id], text: image.fileName } }) !== 1) {
          problems.push(`image ${image.id} cannot be searched`);
        }
        seen.add(line);
      } else if (what === 'run' && seen.has(`done ${key}`)) {
        problems.push(`finished job ${key} ran again`);
      } else if (what === 'done') {
        const job = library.queue.get(Number(key));
        if (job.state !== 'done' || job.traceId === null)
          problems.push(`finished job ${key} is ${job.state}`);
        else if (library.traceArrays.get(job.traceId, 'hidden').array[1] !== Math.fround(job.id)) {
          problems.push(`trace of job ${key} has other numbers`);
        }
        seen.add(line);
      }
    }
    const done = library.queue.counts().done;
    if (library.traces.count() !== done) problems.push(`${library.traces.count()} traces for ${done} jobs`);
    return { acknowledged: lines.filter((line) => /^(?:image|done)/.test(line)).length, problems };
  } finally {
    library.close();
  }
}

/** Before anything repairs it: a whole version, and a database that passes its check. */
function checkVersion(folder: string, problems: string[]): void {
  const file = path.join(folder, 'library.sqlite');
  if (!existsSync(file)) problems.push('the database is gone');
  const connection = new SqliteDatabase(file);
  const version = Number(connection.pragma('user_version', { simple: true }));
  const tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  for (const [table, since] of [
    ['traces', 2],
    ['image_search', 3],
    ['jobs', 4],
  ] as const) {
    if (tables.includes(table) !== version >= since)
      problems.push(`version ${version}, but table ${table} disagrees`);
  }
  const integrity = connection.pragma('integrity_check', { simple: true });
  if (integrity !== 'ok') problems.push(`integrity_check: ${String(integrity)}`);
  connection.close();
}

/* node bench/faults/crash-test.ts 200 */
if (process.argv[1] === import.meta.filename) {
  const kills = Number(process.argv[2] ?? 200);
  const shares = {
    import: Math.ceil(kills * 0.5),
    jobs: Math.ceil(kills * 0.25),
    migration: Math.ceil(kills * 0.25),
  };
  for (const mode of ['import', 'jobs', 'migration'] as const) {
    const result = await runCrashTest(mode, shares[mode]);
    const { tooLate, acknowledged, problems } = result;
    process.stdout.write(
      `${mode}: ${result.kills} kills (${tooLate} after the end), ${acknowledged} acknowledged records found, ` +
        `${problems.length} problems\n${problems
          .slice(0, 20)
          .map((problem) => `  ${problem}\n`)
          .join('')}`,
    );
    if (problems.length > 0) process.exitCode = 1;
  }
}
