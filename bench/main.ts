import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { runClusterBench } from './cluster/cluster.ts';
import { runCommitsBench } from './commits.ts';
import { runEngineBench } from './engine.ts';
import { providerNames, type ProviderChoice } from '../electron/engine/lens-trace/lens-trace.ts';
import { weightFormats, type WeightFormat } from '../electron/contract/models/prepared-model.ts';
import { runKillsBench } from './experiments/kills.ts';
import { runShortcutBench } from './experiments/shortcut.ts';
import { runCircuitsBench } from './experiments/planted-circuits.ts';
import { runFaultsBench } from './faults/faults.ts';
import { runFidelityBench } from './fidelity.ts';
import { runFullBench } from './full.ts';
import { runGroupsBench } from './groups.ts';
import { runLibraryBench } from './library.ts';
import { runTraceListBench } from './trace-list.ts';
import { runTruthBench } from './truth/truth.ts';
import type { VocabularyName } from './truth/truth-cases.ts';
import { fullShapes, type BenchDtype } from './checkpoints/random-checkpoint.ts';

interface BenchOptions {
  readonly suite:
    | 'engine'
    | 'commits'
    | 'cluster'
    | 'library'
    | 'full'
    | 'fidelity'
    | 'truth'
    | 'faults'
    | 'traces'
    | 'groups'
    | 'kills'
    | 'circuits'
    | 'shortcut';
  readonly against: string;
  readonly rounds: string;
  readonly kills: string;
  readonly traces: string;
  readonly images: string;
  readonly shape: keyof typeof fullShapes;
  readonly format: WeightFormat;
  readonly depth?: string;
  readonly calibrate: string;
  readonly provider: ProviderChoice;
  readonly softwareGpu?: boolean;
  readonly python?: string;
  readonly dtype: BenchDtype;
  readonly positions: 'none' | 'last' | 'all' | 'both';
  readonly maxPixels?: string;
  readonly vocabulary: VocabularyName | 'both';
  readonly seeds: string;
  readonly pictures: string;
  readonly continue?: boolean;
  readonly faults: string;
  readonly repeat: string;
  readonly folder: string;
}

const program = new Command('bench')
  .description('Measures the software on this machine. Quote ratios of one run, not times of two.')
  .addOption(
    new Option('--suite <name>', 'what to measure')
      .choices([
        'engine',
        'commits',
        'cluster',
        'library',
        'full',
        'fidelity',
        'truth',
        'faults',
        'traces',
        'groups',
        'kills',
        'circuits',
        'shortcut',
      ])
      .default('engine'),
  )
  .option(
    '--python <venv>',
    'virtual environment with torch and transformers, to run the notebook’s way beside ours',
  )
  .addOption(
    new Option('--dtype <dtype>', 'dtype of the random weights').choices(['F32', 'BF16']).default('F32'),
  )
  .addOption(
    new Option('--shape <shape>', 'released size of the suite "full"')
      .choices(Object.keys(fullShapes))
      .default('2B'),
  )
  .addOption(
    new Option('--format <format>', 'weights of the suite "full"').choices(weightFormats).default('int4'),
  )
  .option('--calibrate <n>', 'photographs that int4 weights of the suite "full" are calibrated on', '0')
  .option('--depth <n>', 'only so many blocks of the suite "full"')
  .addOption(
    new Option('--provider <name>', 'what the suite "full" runs on; others than the cpu are compared with it')
      .choices(['auto', ...providerNames])
      .default('cpu'),
  )
  .option('--software-gpu', 'webgpu on the software driver of the tests')
  .addOption(
    new Option('--positions <which>', 'positions that the suite "full" reads')
      .choices(['none', 'last', 'all', 'both'])
      .default('both'),
  )
  .option('--max-pixels <n>', 'the photograph of the suite "full" in less detail')
  .addOption(
    new Option('--vocabulary <name>', 'vocabulary of the suite "truth"')
      .choices(['small', 'real', 'both'])
      .default('both'),
  )
  .option('--seeds <n>', 'models of each kind in the suite "truth", models of the suite "circuits"', '16')
  .option('--against <commit>', 'what the suite "commits" compares this tree with', 'HEAD~1')
  .option('--rounds <n>', 'turns that both trees take in the suite "commits"', '5')
  .option('--kills <n>', 'random moments at which the suites "kills" and "cluster" end something', '10')
  .option('--traces <n>', 'traces of the suite "cluster"', '400')
  .option('--images <n>', 'images that the suite "cluster" puts into the queue', '100000')
  .option('--pictures <n>', 'pictures that each of them is shown', '2')
  .option('--continue', 'goes on with the models that the suite "truth" had not come to')
  .option('--faults <n>', 'of each kind in the suite "faults"', '140')
  .option('--repeat <n>', 'warm runs; 0 in the suite "full" counts the first run', '3')
  .option('--folder <folder>', 'where random checkpoints are kept', path.join(tmpdir(), 'fundus-lens-bench'))
  .parse();
const options = program.opts<BenchOptions>();
const python =
  options.python === undefined ? undefined : path.resolve(process.env['INIT_CWD'] ?? '.', options.python);
if (options.suite === 'library') {
  await runLibraryBench();
} else if (options.suite === 'commits') {
  const { folder, against, rounds, repeat } = options;
  runCommitsBench({ folder, against, rounds: Number(rounds), repeat: Number(repeat) });
} else if (options.suite === 'traces') {
  await runTraceListBench();
} else if (options.suite === 'groups') {
  await runGroupsBench();
} else if (options.suite === 'truth') {
  const { folder, vocabulary, seeds, pictures, continue: goOn = false } = options;
  await runTruthBench(folder, { vocabulary, seeds: Number(seeds), pictures: Number(pictures), goOn });
} else if (options.suite === 'kills') {
  await runKillsBench(Number(options.kills));
} else if (options.suite === 'cluster') {
  const { traces, kills, images } = options;
  await runClusterBench({ traces: Number(traces), faults: Number(kills), images: Number(images) });
} else if (options.suite === 'shortcut') {
  await runShortcutBench();
} else if (options.suite === 'circuits') {
  await runCircuitsBench(options.folder, Number(options.seeds));
} else if (options.suite === 'faults') {
  await runFaultsBench(Number(options.faults));
} else if (options.suite === 'fidelity') {
  await runFidelityBench(options.folder);
} else if (options.suite === 'full') {
  const { folder, shape, format, provider, softwareGpu = false, positions, repeat } = options;
  const depth = options.depth === undefined ? undefined : Number(options.depth);
  await runFullBench({
    folder,
    shape,
    depth,
    format,
    calibrationImages: Number(options.calibrate),
    provider,
    softwareGpu,
    maxPixels: options.maxPixels === undefined ? null : Number(options.maxPixels),
    python,
    positions: positions === 'both' ? ['last', 'all'] : positions === 'none' ? [] : [positions],
    repeat: Number(repeat),
  });
} else {
  const { folder, dtype, repeat } = options;
  process.stdout.write(`${runEngineBench({ folder, python, dtype, repeat: Number(repeat) })}\n`);
}
