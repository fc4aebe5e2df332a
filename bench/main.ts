import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { runEngineBench } from './engine.ts';
import { runLibraryBench } from './library.ts';
import type { BenchDtype } from './random-checkpoint.ts';

interface BenchOptions {
  readonly suite: 'engine' | 'library';
  readonly python?: string;
  readonly dtype: BenchDtype;
  readonly repeat: string;
  readonly folder: string;
}

const program = new Command('bench')
  .description('Measures the software on this machine. Quote ratios of one run, not times of two.')
  .addOption(new Option('--suite <name>', 'what to measure').choices(['engine', 'library']).default('engine'))
  .option(
    '--python <venv>',
    'virtual environment with torch and transformers, to run the notebook’s way beside ours',
  )
  .addOption(
    new Option('--dtype <dtype>', 'dtype of the random weights').choices(['F32', 'BF16']).default('F32'),
  )
  .option('--repeat <n>', 'warm runs', '3')
  .option('--folder <folder>', 'where random checkpoints are kept', path.join(tmpdir(), 'fundus-lens-bench'))
  .parse();
const options = program.opts<BenchOptions>();
const python =
  options.python === undefined ? undefined : path.resolve(process.env['INIT_CWD'] ?? '.', options.python);
if (options.suite === 'library') {
  await runLibraryBench();
} else {
  const { folder, dtype, repeat } = options;
  process.stdout.write(`${runEngineBench({ folder, python, dtype, repeat: Number(repeat) })}\n`);
}
