import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findFaults, listFiles } from './judge-files.ts';

/** What may lie beside Electron, so that the whole stays below 325 MB. */
export const mostBytes = 134e6;
/** The fuses that are burnt, in the order of Electron's fuse wire; see `electronFuses` in electron-builder.yml. */
export const wantedFuses = '01001100';
/** Stands before the fuses in Electron's binary. */
export const fuseSentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';

const unpacked = 'resources/app.asar.unpacked';

/** Files without which the desktop for Linux on x64 does not work, or may not be handed on. */
export const requiredFiles: readonly (string | RegExp)[] = [
  'resources/app.asar',
  'resources/LICENSE',
  'resources/THIRD-PARTY-NOTICES.txt',
  'resources/bundled/licences.json',
  'resources/bundled/models/demo/model.safetensors',
  'resources/bundled/resources/concepts/fundus.json',
  /^resources\/bundled\/data\/controls\/.*\.png$/,
  /^resources\/bundled\/data\/samples\/.*\.jpg$/,
  `${unpacked}/package.json`,
  `${unpacked}/out/node/cli.js`,
  `${unpacked}/out/node/worker.js`,
  `${unpacked}/out/node/probe-process.js`,
  `${unpacked}/out/node/workbench-process.js`,
  `${unpacked}/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1`,
  `${unpacked}/node_modules/better-sqlite3/prebuilds/linux-x64.node`,
  `${unpacked}/node_modules/@img/sharp-wasm32/package.json`,
  `${unpacked}/node_modules/dcmjs-codecs/build/dcmjs-native-codecs.wasm`,
];

/** What must lie in the archive. */
export const requiredInside = ['out/main/main.cjs', 'out/preload/preload.cjs', 'out/renderer/index.html'];

/**
 * Judges the tree of a desktop for Linux on x64 as electron-builder lays it out.
 *
 * @param builtIn the folder that it was built in, which no file of it may name
 * @returns what is wrong, a sentence each
 */
export function judgeDesktop(folder: string, builtIn: string): string[] {
  const files = listFiles(folder);
  const own = files.filter(({ path }) => path.startsWith('resources/'));
  const faults = findFaults(own, { mostBytes, platform: 'linux-x64', required: requiredFiles });
  for (const { path } of own)
    if (/sharp-libvips/.test(path)) faults.push(`${path} has a GLib of its own, which disturbs GTK's.`);
  const archive = join(folder, 'resources', 'app.asar');
  if (existsSync(archive)) faults.push(...judgeArchive(archive));
  faults.push(...judgeManifest(join(folder, unpacked, 'package.json')));
  faults.push(...judgeLicences(join(folder, 'resources', 'bundled', 'licences.json')));
  const languages = readdirSync(join(folder, 'locales')).sort().join();
  if (languages !== 'en-US.pak,ru.pak') faults.push(`The languages of Electron are ${languages}.`);
  const node = join(folder, unpacked, 'out', 'node');
  for (const { path } of listFiles(node))
    if (readFileSync(join(node, path), 'utf8').includes(builtIn))
      faults.push(`${path} names the folder it was built in.`);
  faults.push(...judgeFuses(join(folder, 'fundus-lens')));
  return faults;
}

function judgeArchive(archive: string): string[] {
  const faults: string[] = [];
  const inside = listArchive(archive);
  for (const { path, isUnpacked } of inside) {
    if (isUnpacked) continue;
    if (/\.(node|so|wasm|dll|dylib)(\.|$)/.test(path))
      faults.push(`${path} lies in the archive; it cannot be loaded.`);
    if (!/^(out\/(main|preload|renderer)\/|package\.json$)/.test(path))
      faults.push(`${path} has no place in the archive.`);
  }
  for (const need of requiredInside)
    if (!inside.some(({ path }) => path === need)) faults.push(`${need} is missing in the archive.`);
  return faults;
}

/** The runtime starts what `main` names; installers name the author. */
function judgeManifest(file: string): string[] {
  if (!existsSync(file)) return [];
  const { main, author } = JSON.parse(readFileSync(file, 'utf8')) as { main?: string; author?: unknown };
  const faults: string[] = [];
  if (main !== requiredInside[0]) faults.push(`package.json names ${String(main)} as its main file.`);
  const name = typeof author === 'string' ? author : ((author as { name?: string } | undefined)?.name ?? '');
  if (name.trim() === '') faults.push('package.json names no author.');
  return faults;
}

function judgeLicences(file: string): string[] {
  if (!existsSync(file)) return [];
  const licences = JSON.parse(readFileSync(file, 'utf8')) as { readonly name: string }[];
  return ['sharp', 'onnxruntime-node', 'vue', 'zod']
    .filter((name) => !licences.some((licence) => licence.name === name))
    .map((name) => `No licence of ${name} is listed.`);
}

function judgeFuses(binary: string): string[] {
  const text = readFileSync(binary).toString('latin1');
  const found = text
    .slice(text.lastIndexOf(fuseSentinel) + fuseSentinel.length + 2)
    .slice(0, wantedFuses.length);
  return found === wantedFuses ? [] : [`The fuses are ${found}; expected ${wantedFuses}.`];
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
