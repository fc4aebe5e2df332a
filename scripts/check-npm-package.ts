import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import packageJson from '#package.json' with { type: 'json' };
import { findFaults, listFiles } from './package/judge-files.ts';

/**
 * `npm run check:npm`: judges the tarball of `npm run pack:npm`, installs it in a folder elsewhere, and uses it as its users do: in a
 * terminal, in a program, for its types, and in a browser.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const tarball = join(root, 'out', `fundus-lens-${packageJson.version}.tgz`);
const home = mkdtempSync(join(tmpdir(), 'fundus-lens-npm '));
const installed = join(home, 'node_modules', 'fundus-lens');
const windows = process.platform === 'win32';
const environment = { ...process.env, ...ownFolders() };

const faults: string[] = [];
try {
  judgeTree();
  install();
  const steps: Readonly<Record<string, () => void | Promise<void>>> = {
    'the command line traces a sample': traceInTerminal,
    'a program imports openModel': traceInProgram,
    'the types hold': checkTypes,
    'the manifest says what is there': checkManifest,
    'whoever imports it finds its types': checkResolution,
    'the examples run': runExamples,
    'the browser face answers': serve,
  };
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step();
      process.stdout.write(`ok  ${name}\n`);
    } catch (error) {
      const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
      faults.push(`It does not hold that ${name}: ${String(error)}\n${output}`);
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
for (const fault of faults) process.stderr.write(`fault: ${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;

function judgeTree(): void {
  const folder = join(home, 'tarball');
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', tarball, '-C', folder]);
  const top = join(folder, 'package');
  const files = listFiles(top);
  faults.push(
    ...findFaults(files, {
      mostBytes: 60e6,
      platform: null,
      required: [
        'LICENSE',
        'README.md',
        'THIRD-PARTY-NOTICES.txt',
        'dist/node/cli.js',
        'dist/node/probe-process.js',
        'dist/node/worker.js',
        'dist/renderer/index.html',
        'dist/types/engine/index.d.ts',
        'models/demo/model.safetensors',
        'resources/concepts/fundus.json',
        /^data\/controls\/.*\.png$/,
      ],
    }),
  );
  const licences = JSON.parse(readFileSync(join(top, 'licences.json'), 'utf8')) as { name: string }[];
  for (const name of ['sharp', 'vue', 'zod', 'commander'])
    if (!licences.some((licence) => licence.name === name)) faults.push(`No licence of ${name} is listed.`);
  for (const { path } of files)
    if (/\.(js|json)$/.test(path) && readFileSync(join(top, path), 'utf8').includes(root))
      faults.push(`${path} names the folder that it was built in.`);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(`${files.length} files, ${(bytes / 1e6).toFixed(1)} MB\n`);
  rmSync(folder, { recursive: true });
}

function install(): void {
  writeFileSync(join(home, 'package.json'), '{ "name": "elsewhere", "private": true, "type": "module" }\n');
  // The CUDA library is a download of hundreds of megabytes, which only those who need it should make.
  const env = { ...environment, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  execFileSync(
    'npm',
    ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', quote(tarball)],
    {
      cwd: home,
      env,
      stdio: 'inherit',
      shell: windows,
    },
  );
}

function traceInTerminal(): void {
  const program = join(home, 'node_modules', '.bin', windows ? 'fundus-lens.cmd' : 'fundus-lens');
  const sample = join(installed, 'data', 'samples', 'real', 'retina.jpg');
  const output = execFileSync(quote(program), ['trace', quote(sample), '--no-controls', '--json', '-'], {
    cwd: home,
    env: environment,
    encoding: 'utf8',
    shell: windows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const trace = JSON.parse(output) as { readonly schema?: string };
  if (trace.schema !== 'fundus-lens.trace/1') throw new Error(`found the schema ${String(trace.schema)}`);
}

function traceInProgram(): void {
  const script = join(home, 'use.mjs');
  writeFileSync(
    script,
    `import { openModel } from 'fundus-lens';
const model = await openModel(${JSON.stringify(join(installed, 'models', 'demo'))}, { provider: 'cpu' });
const image = ${JSON.stringify(join(installed, 'data', 'samples', 'real', 'retina.jpg'))};
const trace = await model.trace(image, { controls: false });
console.log(trace.generated.text);
await model.close();
`,
  );
  const answer = execFileSync(process.execPath, [script], { cwd: home, env: environment, encoding: 'utf8' });
  if (answer.trim() === '') throw new Error('the model gave no answer');
}

function checkTypes(): void {
  writeFileSync(
    join(home, 'use.ts'),
    `import { openModel, FundusLensError, type LensTrace } from 'fundus-lens';
const model = await openModel('folder');
const trace: LensTrace = await model.trace('eye.jpg', { topK: 5 });
const text: string = trace.generated.text;
// @ts-expect-error a number is no image
await model.trace(5);
export { FundusLensError, text };
`,
  );
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2023', '--module', 'nodenext'],
      ...['--types', 'node', '--typeRoots', join(root, 'node_modules/@types'), 'use.ts'],
    ],
    { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

async function checkManifest(): Promise<void> {
  const { messages, pkg } = await publint({
    pkgDir: installed,
    level: 'warning',
    strict: true,
    pack: false,
  });
  if (messages.length > 0) throw new Error(messages.map((one) => formatMessage(one, pkg)).join('\n'));
}

/** An ES module alone: that `require` gets one, and that a resolver from before `exports` finds nothing, is meant. */
async function checkResolution(): Promise<void> {
  const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  if (!analysis.types) throw new Error('no types were found');
  const meant = (problem: (typeof analysis.problems)[number]): boolean =>
    problem.kind === 'CJSResolvesToESM' ||
    ('resolutionKind' in problem && problem.resolutionKind === 'node10');
  const problems = analysis.problems.filter((problem) => !meant(problem));
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 1));
}

/** As a reader of examples/README.md runs them: beside the installed package, with its bundled model. */
function runExamples(): void {
  cpSync(join(root, 'examples'), join(home, 'examples'), { recursive: true });
  const model = join(installed, 'models', 'demo');
  const sample = join(installed, 'data', 'samples', 'real', 'retina.jpg');
  const pair = ['HRF-11H_OD', 'HRF-10DR_OS'].map((eye) =>
    join(installed, 'data', 'samples', eye.split('_')[0]!, `${eye}.jpg`),
  );
  const runs: readonly (readonly [file: string, args: readonly string[], expected: RegExp])[] = [
    ['trace-a-file.ts', [sample, model], /is readable from layer \d+ of 12/],
    ['lens-on-own-checkpoint.ts', [model, sample], /layer 12: "[^"]+" 0\.\d{3}/],
    ['tap-a-layer.ts', [model, sample], /layer 6: 256 numbers, norm [1-9\d]/],
    ['add-a-chart.ts', [sample, model, join(home, 'chart.svg')], /^$/],
    [
      'causal-check.ts',
      [...pair, model],
      /^layer 0 {2}R = 1\.00 and 1\.00$[^]*^layer 12 {2}R = 0\.00 and 0\.00$/m,
    ],
    ['add-a-family.ts', [sample, join(home, 'toy'), model], /toy_vl: 12 layers, 64 image tokens/],
  ];
  for (const [file, args, expected] of runs) {
    const output = execFileSync(process.execPath, [join(home, 'examples', file), ...args], {
      cwd: home,
      env: environment,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (!expected.test(output)) throw new Error(`${file} printed: ${output}`);
  }
  if (!readFileSync(join(home, 'chart.svg'), 'utf8').includes('<polyline'))
    throw new Error('add-a-chart.ts drew no line');
}

async function serve(): Promise<void> {
  const args = ['--no-open', '--port', '0', '--library', join(home, 'library')];
  const child = spawn(process.execPath, [join(installed, 'dist', 'node', 'web.js'), ...args], {
    cwd: home,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    // The address sets a cookie, with which the page is then had.
    const url = await findAddress(child.stdout);
    const first = await fetch(url, { redirect: 'manual' });
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const page = await fetch(new URL('/', url), { headers: { cookie } });
    const text = await page.text();
    if (!page.ok || !text.includes('id="app"')) throw new Error(`${page.status} ${text.slice(0, 200)}`);
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  }
}

/** The address that the browser face prints at its start. */
function findAddress(output: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    output.on('data', (chunk) => {
      said += String(chunk);
      const url = /http:\S+/.exec(said)?.[0];
      if (url !== undefined) resolve(url);
    });
    output.once('end', () => reject(new Error(`it ended and had said: ${said}`)));
  });
}

/** Nothing of the person who runs the check is read or written. */
function ownFolders(): NodeJS.ProcessEnv {
  return { XDG_DATA_HOME: join(home, 'data'), XDG_CACHE_HOME: join(home, 'cache'), LOCALAPPDATA: home };
}

/** A shell is needed on Windows, and takes names with spaces apart. */
function quote(path: string): string {
  return windows ? `"${path}"` : path;
}
