import { Option } from 'commander';
import type { Command } from 'commander';
import { decoderTableFormats } from '../../contract/protocols/decoders.ts';
import { protocolLanguages } from '../../protocol/schema-format.ts';
import { addChoice } from '../commands/library-program.ts';
import type { LibraryOptions } from '../commands/library-context.ts';
import { readNumber } from '../terminal/read-number.ts';
import {
  runApply,
  runDecoderExport,
  runDecoderImport,
  runDecoderRemove,
  runDecoderRename,
  runDecoders,
  runEvaluate,
  runFit,
  runTap,
} from './decoder-command.ts';
import type {
  ApplyCommandOptions,
  DecoderExportOptions,
  EvaluateCommandOptions,
  FitCommandOptions,
  TapCommandOptions,
} from './decoder-command.ts';
import { runAsk, runSaid } from './said-command.ts';
import type { AskCommandOptions, SaidCommandOptions } from './said-command.ts';

const examples = `
Examples:
  fundus-lens decoder fit --group Study --name "Study, first half"
      Learn from the protocols, findings and eyes that are known of a group.
  fundus-lens decoder evaluate 2 --field conclusion.icdr
      How well one field is read at each layer, beside pixels and shuffled labels.
  fundus-lens decoder apply 1 --image 12 --layer 6 --language ru
      The protocol that is read from layer 6, in Russian.
  fundus-lens decoder apply 1 --group Study -o decoded.csv
      A table: a row an image, for each field its value, certainty and status.
  fundus-lens decoder ask 1 --group Study
  fundus-lens decoder said 1 --group Study
      What the model says itself, beside what can be read inside it.

What can be read from a layer is encoded there; whether the model uses it is
another question.`;

/** Adds the commands that read features out of a model and protocols out of features. */
export function addDecoderCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const withOwnLibrary = (command: Command) =>
    command.option('-l, --library <folder>', "library; without it, the app's own");
  const withModel = (command: Command) =>
    addChoice(withOwnLibrary(command))
      .option('-m, --model <folder>', 'model, as downloaded from Hugging Face; without it, the bundled one')
      .option('-p, --prompt <text>', 'what the model is asked meanwhile')
      .option('--max-pixels <n>', 'see the image in less detail, at most n pixels', readNumber(784));
  withModel(
    program
      .command('tap')
      .summary('read features out of a model')
      .description(
        'Read the features of images at every layer, and keep them for decoders. What is there is not read again.',
      ),
  ).action((options: TapCommandOptions) => end(runTap(options)));
  const decoder = program
    .command('decoder')
    .summary('read protocols out of a layer')
    .description('Fit, measure and use decoders: description protocols read from inside a model.')
    .addHelpText('after', examples);
  const add = (name: string, description: string) =>
    withOwnLibrary(decoder.command(name).description(description));

  withModel(
    decoder.command('fit').description('Learn to read fields of the protocol from the layers of a model.'),
  )
    .requiredOption('--name <name>', 'name of the decoder')
    .option('--fields <field...>', 'only these fields')
    .option('--observer <name>', 'only the protocols of this observer')
    .option('--no-findings', 'do not learn from findings and laterality')
    .option('--min-patients <n>', 'patients that each value needs', readNumber(2, 1000), 20)
    .option('--seed <n>', 'seed of folds, shuffles and intervals', readNumber(0), 1)
    .option('--note <text>', 'what it was fitted on', '')
    .action((options: FitCommandOptions) => end(runFit(options)));
  add('evaluate', 'Print how well a decoder reads, on patients left out.')
    .argument('<decoder>', 'number or name')
    .option('--field <field>', 'one field, by layer and beside the baselines')
    .option('--json', 'print everything as JSON')
    .action((which: string, options: EvaluateCommandOptions) => end(runEvaluate(which, options)));
  addChoice(add('apply', 'Read the protocol of an image, or of many into a table.'))
    .argument('<decoder>', 'number or name')
    .option('--image <n>', 'one image, whose text is printed', readNumber(1))
    .option('--layer <n>', "layer to read from; without it, the decoder's own choice", readNumber(0))
    .addOption(
      new Option('--language <code>', 'language of the text').choices(protocolLanguages).default('en'),
    )
    .option('-o, --out <file>', 'file for the table of many images')
    .addOption(
      new Option('--format <name>', 'format of the table').choices(decoderTableFormats).default('csv'),
    )
    .option('--overwrite', 'replace the file when it exists')
    .action((which: string, options: ApplyCommandOptions) => end(runApply(which, options)));
  add('list', 'List decoders.')
    .option('--json', 'print JSON')
    .action((options: LibraryOptions & { json?: boolean }) => end(runDecoders(options)));
  add('export', 'Write a decoder to a file of its own.')
    .argument('<decoder>', 'number or name')
    .requiredOption('-o, --out <file>', 'file to write')
    .option('--overwrite', 'replace the file when it exists')
    .action((which: string, options: DecoderExportOptions) => end(runDecoderExport(which, options)));
  add('import', 'Take a decoder in that was exported elsewhere.')
    .argument('<file>', 'file of a decoder')
    .option('--name <name>', 'another name for it')
    .action((file: string, options: LibraryOptions & { name?: string }) =>
      end(runDecoderImport(file, options)),
    );
  addChoice(add('ask', 'Ask the model the yes/no questions of the protocol about images, for `said`.'))
    .argument('<decoder>', 'number or name')
    .option('--questions <question...>', 'only these questions')
    .action((which: string, options: AskCommandOptions) => end(runAsk(which, options)));
  addChoice(add('said', 'Print what is encoded beside what the model says, AUROC with 95 % intervals.'))
    .argument('<decoder>', 'number or name')
    .option('--json', 'print everything as JSON')
    .action((which: string, options: SaidCommandOptions) => end(runSaid(which, options)));
  add('rename', 'Give a decoder another name.')
    .argument('<decoder>', 'number or name')
    .argument('<name>', 'the new name')
    .action((which: string, name: string, options: LibraryOptions) =>
      end(runDecoderRename(which, name, options)),
    );
  add('remove', 'Take a decoder out of the library; those that come with the software stay.')
    .argument('<decoder>', 'number or name')
    .action((which: string, options: LibraryOptions) => end(runDecoderRemove(which, options)));
}
