import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { inputOf } from './inputs.ts';
import { runFuzz, type FuzzFinding } from './run-fuzz.ts';
import { fuzzTargets } from './targets.ts';

const options = new Command('fuzz')
  .description(
    'Feeds changed files to every reader of files from outside. Nothing may crash, hang or fill the memory.',
  )
  .option('--minutes <n>', 'go round all targets until this time is over', '10')
  .option('--inputs <n>', 'so many inputs over all targets instead, however long that takes')
  .option('--seed <n>', 'of the changes', '1')
  .option('--target <names...>', `only these: ${fuzzTargets.map(({ name }) => name).join(', ')}`)
  .option(
    '--out <folder>',
    'where inputs that broke something are kept',
    path.join(tmpdir(), 'fundus-lens-fuzz'),
  )
  .parse()
  .opts<{ minutes: string; inputs?: string; seed: string; target?: string[]; out: string }>();

const targets = fuzzTargets.filter(({ name }) => options.target?.includes(name) ?? true);
const seed = Number(options.seed);
const end = performance.now() + Number(options.minutes) * 60_000;
const each = options.inputs === undefined ? Infinity : Math.ceil(Number(options.inputs) / targets.length);
const scratch = mkdtempSync(path.join(tmpdir(), 'fundus-lens-fuzzing-'));
const totals = new Map(targets.map(({ name }) => [name, { inputs: 0, peakBytes: 0, slowest: 0 }]));
const findings: FuzzFinding[] = [];
const chunk = 200;

try {
  for (let first = 0; first < each; first += chunk) {
    if (options.inputs === undefined && performance.now() > end) break;
    for (const target of targets) {
      const run = await runFuzz(target.name, seed, first, Math.min(chunk, each - first), scratch);
      const total = totals.get(target.name)!;
      total.inputs += run.inputs;
      total.peakBytes = Math.max(total.peakBytes, run.peakBytes);
      total.slowest = Math.max(total.slowest, run.slowest);
      for (const finding of run.findings) await keep(finding);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

for (const [name, { inputs, peakBytes, slowest }] of totals) {
  const own = findings.filter(({ target }) => target === name);
  process.stdout.write(
    `${name.padEnd(18)} ${String(inputs).padStart(6)} inputs, ${own.length} findings, slowest ` +
      `${(slowest / 1000).toFixed(1)} s, at most ${Math.round(peakBytes / 1e6)} MB\n`,
  );
}
const all = [...totals.values()].reduce((sum, { inputs }) => sum + inputs, 0);
process.stdout.write(`${all} inputs, ${findings.length} findings\n`);
if (findings.length > 0) process.exitCode = 1;

async function keep(finding: FuzzFinding): Promise<void> {
  findings.push(finding);
  const { target: name, index, kind, detail } = finding;
  const target = fuzzTargets.find((known) => known.name === name)!;
  const folder = path.join(scratch, `${name} again`);
  mkdirSync(folder, { recursive: true });
  mkdirSync(options.out, { recursive: true });
  const file = path.join(options.out, `${name}-${seed}-${index}-${kind}`);
  writeFileSync(file, inputOf(target, await target.seeds(folder), seed, index));
  writeFileSync(`${file}.txt`, detail);
  process.stdout.write(`${kind} in ${name}: ${detail.split('\n')[0]!}\n  ${file}\n`);
}
