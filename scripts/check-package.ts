import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFaults, listFiles } from './package/judge-files.ts';

/**
 * `npm run check:package`: packs the desktop for Linux on x64 around a stand-in for Electron, judges the tree, moves it elsewhere and has its
 * engine trace a sample there. The stand-in is Node under Electron's name, so that what the package holds besides Electron
 * is checked without its runtime; a window is not.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const packed = join(root, 'out', 'desktop', 'linux-unpacked');
/** What may lie beside Electron, so that the whole stays below 325 MB. */
const mostBytes = 134e6;
/** The fuses that are burnt, in the order of Electron's fuse wire; see `electronFuses` in electron-builder.yml. */
const wantedFuses = '01001100';
const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';

const scratch = mkdtempSync(join(tmpdir(), 'fundus-lens desktop '));
const faults: string[] = [];
try {
  pack();
  judgeTree();
  judgeFuses();
  traceElsewhere();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const fault of faults) process.stderr.write(`fault: ${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

function pack(): void {
  const standIn = join(scratch, 'stand-in');
  mkdirSync(join(standIn, 'locales'), { recursive: true });
  mkdirSync(join(standIn, 'resources'));
  copyFileSync(process.execPath, join(standIn, 'electron'));
  chmodSync(join(standIn, 'electron'), 0o755);
  // The wire that Electron's binary carries, with every fuse as it is delivered.
  appendFileSync(join(standIn, 'electron'), `${sentinel}\u0001\u0009101011011`, 'latin1');
  for (const language of ['de', 'en-US', 'ru'])
    writeFileSync(join(standIn, 'locales', `${language}.pak`), '');
  writeFileSync(join(standIn, 'LICENSE'), 'Stand-in\n');
  writeFileSync(join(standIn, 'version'), '0\n');
  rmSync(packed, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [
      join(root, 'scripts', 'package-desktop.ts'),
      ...['--linux', '--x64', '--dir', `-c.electronDist=${standIn}`],
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

function judgeTree(): void {
  const all = listFiles(packed);
  const own = all.filter(({ path }) => path.startsWith('resources/'));
  const unpacked = 'resources/app.asar.unpacked';
  faults.push(
    ...findFaults(own, {
      mostBytes,
      platform: 'linux-x64',
      required: [
        'resources/app.asar',
        'resources/THIRD-PARTY-NOTICES.txt',
        'resources/bundled/licences.json',
        'resources/bundled/models/demo/model.safetensors',
        'resources/bundled/resources/concepts/fundus.json',
        /^resources\/bundled\/data\/controls\/.*\.png$/,
        `${unpacked}/out/node/worker.js`,
        `${unpacked}/out/node/probe-process.js`,
        `${unpacked}/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1`,
        `${unpacked}/node_modules/better-sqlite3/prebuilds/linux-x64.node`,
        `${unpacked}/node_modules/@img/sharp-wasm32/package.json`,
        `${unpacked}/node_modules/dcmjs-codecs/build/dcmjs-native-codecs.wasm`,
      ],
    }),
  );
  for (const { path } of own)
    if (/sharp-libvips/.test(path)) faults.push(`${path} has a GLib of its own, which disturbs GTK's.`);
  const inside = listArchive(join(packed, 'resources', 'app.asar'));
  for (const { path, isUnpacked } of inside) {
    if (isUnpacked) continue;
    if (/\.(node|so|wasm|dll|dylib)(\.|$)/.test(path))
      faults.push(`${path} lies in the archive; it cannot be loaded.`);
    if (!/^(out\/(main|preload|renderer)\/|package\.json$)/.test(path))
      faults.push(`${path} has no place in the archive.`);
  }
  for (const need of ['out/main/main.js', 'out/preload/preload.cjs', 'out/renderer/index.html'])
    if (!inside.some(({ path }) => path === need)) faults.push(`${need} is missing in the archive.`);
  const licences = JSON.parse(
    readFileSync(join(packed, 'resources', 'bundled', 'licences.json'), 'utf8'),
  ) as { readonly name: string }[];
  for (const name of ['sharp', 'onnxruntime-node', 'vue', 'zod'])
    if (!licences.some((licence) => licence.name === name)) faults.push(`No licence of ${name} is listed.`);
  const languages = readdirSync(join(packed, 'locales')).sort().join();
  if (languages !== 'en-US.pak,ru.pak') faults.push(`The languages of Electron are ${languages}.`);
  const bytes = own.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(`${own.length} files beside Electron, ${(bytes / 1e6).toFixed(1)} MB\n`);
}

function judgeFuses(): void {
  const text = readFileSync(join(packed, 'fundus-lens')).toString('latin1');
  const found = text.slice(text.lastIndexOf(sentinel) + sentinel.length + 2).slice(0, wantedFuses.length);
  if (found !== wantedFuses) faults.push(`The fuses are ${found}; expected ${wantedFuses}.`);
}

function traceElsewhere(): void {
  const elsewhere = join(scratch, 'elsewhere');
  cpSync(packed, elsewhere, { recursive: true });
  const resources = join(elsewhere, 'resources');
  const node = join(resources, 'app.asar.unpacked', 'out', 'node');
  for (const { path } of listFiles(node))
    if (readFileSync(join(node, path), 'utf8').includes(root))
      faults.push(`${path} names the folder it was built in.`);
  const sample = join(resources, 'bundled', 'data', 'samples', 'real', 'retina.jpg');
  const own = { XDG_DATA_HOME: join(scratch, 'data'), XDG_CACHE_HOME: join(scratch, 'cache') };
  try {
    const output = execFileSync(
      join(elsewhere, 'fundus-lens'),
      [join(node, 'cli.js'), 'trace', sample, '--no-controls', '--json', '-'],
      { cwd: scratch, env: { PATH: process.env['PATH'], ...own }, encoding: 'utf8' },
    );
    const { schema } = JSON.parse(output) as { readonly schema?: string };
    if (schema !== 'fundus-lens.trace/1') throw new Error(`it wrote the schema ${String(schema)}`);
    process.stdout.write('ok  the packaged engine traces a sample, away from the checkout\n');
  } catch (error) {
    faults.push(`The packaged engine traces no sample: ${String(error)}`);
  }
}

interface ArchiveEntry {
  readonly files?: Readonly<Record<string, ArchiveEntry>>;
  readonly unpacked?: boolean;
}

/** What an asar holds: its header is JSON, whose length stands in the fourth word. */
function listArchive(file: string): { readonly path: string; readonly isUnpacked: boolean }[] {
  const bytes = readFileSync(file);
  const header = JSON.parse(bytes.subarray(16, 16 + bytes.readUInt32LE(12)).toString()) as ArchiveEntry;
  const walk = (entry: ArchiveEntry, path: string): { path: string; isUnpacked: boolean }[] =>
    entry.files === undefined
      ? [{ path, isUnpacked: entry.unpacked === true }]
      : Object.entries(entry.files).flatMap(([name, child]) =>
          walk(child, path === '' ? name : `${path}/${name}`),
        );
  return walk(header, '');
}
