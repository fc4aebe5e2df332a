import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fuseSentinel, judgeDesktop, mostBytes, requiredInside, wantedFuses } from './judge-desktop.ts';

const builtIn = '/home/builder/fundus-lens';
const unpacked = 'resources/app.asar.unpacked';
let folder: string;

const write = (path: string, text = 'x') => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const remove = (path: string) => rmSync(join(folder, path));

/** The header of an archive; what lies in it is never read. */
function writeArchive(paths: Readonly<Record<string, { readonly unpacked?: boolean }>>): void {
  const top: { files: Record<string, unknown> } = { files: {} };
  for (const [path, entry] of Object.entries(paths)) {
    const parts = path.split('/');
    const last = parts.pop()!;
    let at = top;
    for (const part of parts) at = (at.files[part] ??= { files: {} }) as typeof at;
    at.files[last] = entry;
  }
  const header = Buffer.from(JSON.stringify(top));
  const head = Buffer.alloc(16);
  head.writeUInt32LE(header.length, 12);
  writeFileSync(join(folder, 'resources', 'app.asar'), Buffer.concat([head, header]));
}

const inside = {
  ...Object.fromEntries(requiredInside.map((path) => [path, {}])),
  'package.json': { unpacked: true },
};
const manifest = { main: 'out/main/main.cjs', author: 'The Fundus Lens authors' };
const licences = ['sharp', 'onnxruntime-node', 'vue', 'zod'].map((name) => ({ name }));
const sqlite = `${unpacked}/node_modules/better-sqlite3/prebuilds/linux-x64.node`;

/** A package without a fault. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fundus-lens-judge-'));
  for (const path of [
    'resources/LICENSE',
    'resources/THIRD-PARTY-NOTICES.txt',
    'resources/bundled/models/demo/model.safetensors',
    'resources/bundled/resources/concepts/fundus.json',
    'resources/bundled/data/controls/a.png',
    'resources/bundled/data/samples/a.jpg',
    ...['cli', 'worker', 'probe-process', 'workbench-process'].map(
      (name) => `${unpacked}/out/node/${name}.js`,
    ),
    `${unpacked}/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1`,
    sqlite,
    `${unpacked}/node_modules/@img/sharp-wasm32/package.json`,
    `${unpacked}/node_modules/dcmjs-codecs/build/dcmjs-native-codecs.wasm`,
    'locales/en-US.pak',
    'locales/ru.pak',
  ])
    write(path);
  write(`${unpacked}/package.json`, JSON.stringify(manifest));
  write('resources/bundled/licences.json', JSON.stringify(licences));
  writeArchive(inside);
  write('fundus-lens', `binary${fuseSentinel}\u0001\u0009${wantedFuses}1`);
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a package as it should be has no faults', () => {
  expect(judgeDesktop(folder, builtIn)).toEqual([]);
});

test.each<[defect: string, plant: () => void, fault: RegExp]>([
  [
    'the photographs are left out',
    () => remove('resources/bundled/data/samples/a.jpg'),
    /samples.*is missing/,
  ],
  [
    'the model is left out',
    () => remove('resources/bundled/models/demo/model.safetensors'),
    /model.*is missing/,
  ],
  [
    'the process of the workbench is left out',
    () => remove(`${unpacked}/out/node/workbench-process.js`),
    /missing/,
  ],
  ['the trial of a card is left out', () => remove(`${unpacked}/out/node/probe-process.js`), /missing/],
  [
    'the photograph decoder stays in the archive',
    () => {
      rmSync(join(folder, unpacked, 'node_modules/@img'), { recursive: true });
      writeArchive({ ...inside, 'node_modules/@img/sharp-wasm32/lib/sharp.wasm': {} });
    },
    /sharp\.wasm lies in the archive; it cannot be loaded/,
  ],
  [
    'SQLite stays in the archive',
    () => {
      remove(sqlite);
      writeArchive({ ...inside, 'node_modules/better-sqlite3/prebuilds/linux-x64.node': {} });
    },
    /linux-x64\.node is missing/,
  ],
  [
    'libvips with a GLib of its own comes along',
    () => write(`${unpacked}/node_modules/@img/sharp-libvips-linux-x64/lib/libvips-cpp.so.8`),
    /has a GLib of its own/,
  ],
  [
    'a binary of another system comes along',
    () => write(`${unpacked}/node_modules/better-sqlite3/prebuilds/win32-x64.node`),
    /is for win32-x64/,
  ],
  [
    'a source of ours lies in the archive',
    () => writeArchive({ ...inside, 'electron/cli/main.js': {} }),
    /no place/,
  ],
  [
    'the page is left out',
    () => writeArchive({ 'out/main/main.cjs': {}, 'out/preload/preload.cjs': {} }),
    /index\.html/,
  ],
  [
    'package.json has no main',
    () => write(`${unpacked}/package.json`, '{"author":"a"}'),
    /undefined as its main/,
  ],
  [
    'main names a file of an older layout',
    () => write(`${unpacked}/package.json`, JSON.stringify({ ...manifest, main: 'out/main/main.js' })),
    /main\.js as its main/,
  ],
  [
    'package.json has no author',
    () => write(`${unpacked}/package.json`, JSON.stringify({ main: manifest.main })),
    /no author/,
  ],
  [
    'the list of licences is empty',
    () => write('resources/bundled/licences.json', '[]'),
    /No licence of sharp/,
  ],
  ['the notices are empty', () => write('resources/THIRD-PARTY-NOTICES.txt', ''), /NOTICES\.txt is missing/],
  ['a test comes along', () => write(`${unpacked}/out/node/cli.test.js`), /is a test/],
  ['a map comes along', () => write(`${unpacked}/out/node/cli.js.map`), /is a source map/],
  ['languages of no use come along', () => write('locales/de.pak'), /de\.pak/],
  [
    'a path of the machine that built it stays in',
    () => appendFileSync(join(folder, unpacked, 'out/node/cli.js'), `"${builtIn}/node_modules"`),
    /names the folder it was built in/,
  ],
  [
    'the fuses are as Electron delivers them',
    () => write('fundus-lens', `binary${fuseSentinel}\u0001\u0009101011011`),
    /The fuses are 10101101/,
  ],
  [
    'it has grown',
    () => write('resources/bundled/resources/large.bin', 'x'.repeat(mostBytes)),
    /are allowed/,
  ],
  [
    'the archive is not there',
    () => renameSync(join(folder, 'resources/app.asar'), join(folder, 'resources/app.zip')),
    /app\.asar is missing/,
  ],
])('it is found when %s', (_, plant, fault) => {
  plant();
  expect(judgeDesktop(folder, builtIn).join('\n')).toMatch(fault);
});
