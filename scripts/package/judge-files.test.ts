import { expect, test } from 'vitest';
import { findFaults } from './judge-files.ts';

const good = [
  { path: 'dist/node/cli.js', bytes: 10 },
  { path: 'dist/types/index.d.ts', bytes: 10 },
  { path: 'node_modules/better-sqlite3/prebuilds/linux-x64.node', bytes: 10 },
  { path: 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1', bytes: 10 },
];
const rules = { mostBytes: 100, required: ['dist/node/cli.js', /\.d\.ts$/], platform: 'linux-x64' };

test('a package as it should be has no faults', () => {
  expect(findFaults(good, rules)).toEqual([]);
});

test.each([
  ['dist/node/cli.test.js', 'a test'],
  ['dist/node/cli.js.map', 'a source map'],
  ['electron/cli/main.ts', 'TypeScript'],
  ['data/fixtures/images/a.png', 'a fixture'],
  ['models/demo/training-log.jsonl', 'the diary'],
  ['.npmrc', 'a file of a developer'],
  ['node_modules/better-sqlite3/prebuilds/linuxmusl-x64.node', 'for linuxmusl-x64, not linux-x64'],
  ['node_modules/onnxruntime-node/bin/napi-v6/win32/arm64/onnxruntime.dll', 'for win32-arm64'],
  ['node_modules/onnxruntime-node/bin/napi-v6/darwin/arm64/libonnxruntime.1.dylib', 'for darwin-arm64'],
])('%s is found', (path, words) => {
  expect(findFaults([...good, { path, bytes: 1 }], rules)).toEqual([expect.stringContaining(words)]);
});

test('a file that is missing or empty, and a package that is too large, are found', () => {
  expect(findFaults(good.slice(1), rules)).toEqual(['dist/node/cli.js is missing.']);
  expect(findFaults([{ ...good[0]!, bytes: 0 }, ...good.slice(1)], rules)).toEqual([
    'dist/node/cli.js is missing.',
  ]);
  expect(findFaults(good, { ...rules, mostBytes: 30 })).toEqual([expect.stringContaining('allowed')]);
});

test('where no binary may be, one of this platform is a fault too', () => {
  expect(findFaults(good.slice(0, 3), { ...rules, platform: null })).toEqual([
    expect.stringContaining('is a binary'),
  ]);
});
