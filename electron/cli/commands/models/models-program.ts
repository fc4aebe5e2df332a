import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { blockSizes, weightFormats } from '../../../contract/models/prepared-model.ts';
import {
  runAddModel,
  runHub,
  runListModels,
  runPrepareModel,
  runRemoveModel,
  runVerifyModel,
} from './models-command.ts';
import type {
  AddModelOptions,
  HubOptions,
  PrepareModelOptions,
  VerifyModelOptions,
} from './models-command.ts';
import type { LibraryOptions } from '../library-context.ts';

const examples = `
Examples:
  fundus-lens models add ~/Qwen2.5-VL-7B-Instruct
      Use a checkpoint where it lies; with --copy, copy it.
  fundus-lens models hub --online
      Allow the network; the software asks for nothing until this is said.
  fundus-lens models add Qwen/Qwen2.5-VL-7B-Instruct
      Download it. The same command goes on after an interruption.
  fundus-lens models prepare Qwen/Qwen2.5-VL-7B-Instruct --format int4
      Write its weights with 4 bits, so that they fit into less memory.
  fundus-lens models verify Qwen/Qwen2.5-VL-7B-Instruct-int4
      Measure what that does to the lens, layer by layer.`;

/** Adds the commands that bring models here, change their format, judge them and take them away. */
export function addModelsCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const models = program
    .command('models')
    .summary('add, list, prepare, verify, remove models')
    .description('The models on this computer.')
    .addHelpText('after', examples);
  const add = (name: string, summary: string, description: string) =>
    models
      .command(name)
      .summary(summary)
      .description(description)
      .option('-l, --library <folder>', "library; without it, the app's own");

  add(
    'add',
    'add a model',
    'Add a checkpoint: a folder, one of the cache of huggingface_hub, or one of the hub.',
  )
    .argument('<source>', 'folder, or a name such as Qwen/Qwen2.5-VL-7B-Instruct')
    .option('--revision <name>', 'branch, tag or commit', 'main')
    .option('--cache', 'take it from the cache of huggingface_hub on this computer')
    .option('--copy', 'copy it into the folder of models instead of using it where it lies')
    .option('--dry-run', 'only say what it is, what it needs and what there is')
    .action((source: string, options: AddModelOptions) => end(runAddModel(source, options)));

  add('list', 'list models', 'List the models, what is on its way, and the memory and disk there are.')
    .option('--cache', 'list the cache of huggingface_hub too')
    .option('--json', 'print JSON')
    .action((options: Parameters<typeof runListModels>[0]) => end(runListModels(options)));

  add(
    'prepare',
    'write the weights in another format',
    'Write the weights of a checkpoint in a smaller format, as a model of its own. Float32 and float16 checkpoints run as they are.',
  )
    .argument('<model>', 'number, name, hash or folder')
    .addOption(
      new Option('-f, --format <name>', 'float16 keeps most, int4 is smallest')
        .choices(weightFormats)
        .default('int4'),
    )
    .option('--block-size <n>', `weights that share a scale: ${blockSizes.join(', ')}`, readBlockSize, 32)
    .option('--symmetric', 'no zero points: a little smaller, a little less true')
    .option('--no-calibration', 'int4 without looking at sample photographs: sooner done, less true')
    .addOption(
      new Option('--unembedding <name>', 'its own format for the unembedding').choices(weightFormats),
    )
    .addOption(new Option('--vision <name>', 'its own format for the vision tower').choices(weightFormats))
    .action((name: string, options: PrepareModelOptions) => end(runPrepareModel(name, options)));

  add(
    'verify',
    'measure how true prepared weights are',
    'Run photographs through prepared weights and through the original ones, and compare what the lens reads at every layer.',
  )
    .argument('<model>', 'number, name, hash or folder of a prepared model')
    .option('--against <model>', 'the checkpoint that it was prepared from; found by its hash without this')
    .option('--prompt <text>', 'question to ask; may be repeated', collect)
    .option('--json', 'print JSON')
    .action((name: string, options: VerifyModelOptions) => end(runVerifyModel(name, options)));

  add(
    'remove',
    'remove a model',
    'Delete a model of the folder of models, or take another off the list. Traces stay.',
  )
    .argument('<model>', 'number, name, hash or folder')
    .option('-y, --yes', 'also when tasks use it; they are cancelled')
    .action((name: string, options: LibraryOptions & { yes?: boolean }) =>
      end(runRemoveModel(name, options)),
    );

  add(
    'hub',
    'show or change the hub',
    'Show or change which hub is asked, as whom, and whether the network is allowed.',
  )
    .option('--endpoint <url>', 'address of the hub or of a mirror; "default" for huggingface.co')
    .option('--online', 'allow the network for downloads')
    .option('--offline', 'allow no network at all')
    .option('--token', 'read an access token from stdin and keep it for this address')
    .option('--forget-token', 'forget the token')
    .action((options: HubOptions) => end(runHub(options)));

  for (const command of models.commands) command.exitOverride().configureHelp({ helpWidth: 80 });
}

function readBlockSize(text: string): (typeof blockSizes)[number] {
  const size = blockSizes.find((known) => String(known) === text);
  if (size === undefined) throw new InvalidArgumentError(`Expected ${blockSizes.join(', ')}.`);
  return size;
}

function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
