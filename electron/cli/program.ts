import { Command, InvalidArgumentError, Option } from 'commander';
import packageJson from '#package.json' with { type: 'json' };
import { FundusLensError } from '../contract/errors.ts';
import { providerNames } from '../engine/lens-trace/lens-trace.ts';
import { traceDefaults } from '../engine/lens-trace/trace-request.ts';
import { builtInConceptSets, defaultConceptSet } from '../bundled/concept-sets.ts';
import { defaultPreset, languages, promptPresets } from '../bundled/prompt-presets.ts';
import type { InspectCommandOptions } from './commands/inspect-command.ts';
import { addChoice, addLibraryCommands } from './commands/library-program.ts';
import { addModelsCommands } from './commands/models/models-program.ts';
import { addProtocolsCommands } from './commands/protocols-program.ts';
import { addDrawingsCommands } from './drawings/drawings-program.ts';
import { addDecoderCommands } from './decoders/decoder-program.ts';
import { addLensCommands } from './lenses/lens-program.ts';
import { addGroupsCommands } from './groups/groups-program.ts';
import { addUpdatesCommands } from './commands/updates-command.ts';
import { addProvidersCommands } from './commands/models/providers-program.ts';
import { addCausalCheckCommand } from './causal-checks/causal-check-program.ts';
import { addClusterCommands } from './cluster/cluster-program.ts';
import { addExperimentCommands } from './experiment/experiment-program.ts';
import { parsePositions } from './commands/positions.ts';
import { readNumber } from './terminal/read-number.ts';
import type { TraceCommandOptions } from './commands/trace-command.ts';

export interface Commands {
  trace(images: readonly string[], options: TraceCommandOptions): Promise<void>;
  inspect(modelDir: string | undefined, options: InspectCommandOptions): Promise<void>;
}

const traceExamples = `
Examples:
  fundus-lens trace eye.jpg
      How the bundled model comes to its one-word answer about eye.jpg.
  fundus-lens trace eye.jpg --model ~/Qwen2.5-VL-7B-Instruct --language ru
      The same with a model of your own, asked in Russian.
  fundus-lens trace *.jpg --json traces.jsonl
      Every image; all numbers go into one file, one image a line.
  fundus-lens trace --no-image
      What the model would say to the question alone: a control.
  fundus-lens trace --library ~/eyes --untraced
      Every image of a library that has no trace yet; an interrupted run goes
      on where it stopped.

What you see: one line for each layer of the model, from the image's first
impression (0) down to the answer. Beside it stand the words the model would
say if it had to answer at that layer, with their probability, and bars for the
concepts it gives most. A word that is readable at a layer is not yet proof
that the model uses it.`;

/** The command line, described for people who are no programmers. */
export function buildProgram(commands: Commands): Command {
  const program = new Command('fundus-lens')
    .description('Look inside a vision-language model while it looks at a photograph of the eye.')
    .version(packageJson.version)
    .configureHelp({ helpWidth: 80 })
    .exitOverride();
  const trace = program
    .command('trace')
    .summary('read an image layer by layer')
    .description('Show what a model is about to say, layer by layer, while it looks at an image.')
    .argument('[image...]', 'photographs to trace; without any, a sample')
    .option('-m, --model <folder>', 'model, as downloaded from Hugging Face; without it, the bundled one')
    .addOption(new Option('-p, --prompt <text>', 'your own question').conflicts('preset'))
    .option(
      '--preset <name>',
      `a ready question: ${promptPresets.map(({ id }) => id).join(', ')} (default: ${defaultPreset})`,
    )
    .addOption(new Option('--language <code>', 'language of the question').choices(languages).default('en'))
    .option('--no-image', 'ask without any image, as a control')
    .option(
      '-c, --concepts <set>',
      `concepts to follow: ${builtInConceptSets.map(({ id }) => id).join(', ')}, or a JSON file (default: ${defaultConceptSet})`,
    )
    .option(
      '-g, --generate <n>',
      `write an answer of at most n tokens (default: ${traceDefaults.generate})`,
      readNumber(0),
    )
    .option('--trace-generated', 'trace the answer as well')
    .option('--no-controls', 'do not compare emergence with the control images')
    .option(
      '-k, --top-k <n>',
      `tokens kept for each layer and position (default: ${traceDefaults.topK})`,
      readNumber(1),
    )
    .option(
      '--positions <where>',
      'positions to read: last, image, all, or a list like 0,5,10-20 (default: last)',
      readPositions,
    )
    .option('--max-pixels <n>', 'see the image in less detail, at most n pixels', readNumber(784))
    .option(
      '--lens <which>',
      'logit, shortcut: or jacobian: and the name or file of a fitted lens, or raw, which only repeats the notebook',
      traceDefaults.lens,
    )
    .addOption(
      new Option('--provider <name>', 'what computes').choices(['auto', ...providerNames]).default('auto'),
    )
    .option('--json <file>', 'write all numbers as JSON, one image a line; - prints them and nothing else')
    .option('--dump <file>', 'write the hidden states of one image as a .safetensors file')
    .option('-l, --library <folder>', 'trace images of a library and keep the traces there')
    .option('--search <words>', 'with --library: only images found by these words')
    .addHelpText('after', traceExamples);
  addChoice(trace).action(
    (images: string[], options: TraceCommandOptions & { model?: string; dump?: string }) =>
      commands.trace(images, { ...options, modelDir: options.model, dumpPath: options.dump }),
  );
  program
    .command('inspect')
    .summary('describe a model')
    .description('Tell what a model folder holds: family, size, memory needed, and the hash of every file.')
    .argument('[folder]', 'model, as downloaded from Hugging Face; without it, the bundled one')
    .option('--json <file>', 'write the description as JSON; - prints it and nothing else')
    .action((folder: string | undefined, options: InspectCommandOptions) =>
      commands.inspect(folder, options),
    );
  addModelsCommands(program);
  addProvidersCommands(program);
  addLibraryCommands(program);
  addUpdatesCommands(program);
  addGroupsCommands(program);
  addProtocolsCommands(program);
  addDrawingsCommands(program);
  addExperimentCommands(program);
  addClusterCommands(program);
  addCausalCheckCommand(program);
  addDecoderCommands(program);
  addLensCommands(program);
  for (const command of program.commands) command.exitOverride().configureHelp({ helpWidth: 80 });
  return program;
}

function readPositions(text: string) {
  try {
    return parsePositions(text);
  } catch (error) {
    if (error instanceof FundusLensError) throw new InvalidArgumentError(`Expected ${error.expected ?? ''}.`);
    throw error;
  }
}
