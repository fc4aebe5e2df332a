import { Option } from 'commander';
import type { Command } from 'commander';
import { defaultPreset, languages, promptPresets } from '../../bundled/prompt-presets.ts';
import { addChoice } from '../commands/library-program.ts';
import type { LibraryOptions } from '../commands/library-context.ts';
import { readNumber } from '../terminal/read-number.ts';
import {
  runFitLens,
  runLenses,
  runLensExport,
  runLensImport,
  runLensRemove,
  runLensRename,
  runShowLens,
} from './lens-command.ts';
import type {
  FitLensOptions,
  LensExportOptions,
  LensImportOptions,
  LensListOptions,
} from './lens-command.ts';

const examples = `
Examples:
  fundus-lens lens fit --group Study --name study
      Fit a linear shortcut on two thirds of the patients of a group, and
      measure it on the others.
  fundus-lens lens show study
      By layer, how far it and the logit lens are from what the model says.
  fundus-lens trace --library LIBRARY --group Study --lens shortcut:study
      Trace through it.
  fundus-lens lens import lens.pt --model MODEL
      Take in a Jacobian lens of the public format, which does not name its
      model itself; then trace --lens jacobian:lens.`;

/** Adds the commands that fit lenses and keep them. */
export function addLensCommands(program: Command): void {
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const lens = program
    .command('lens')
    .summary('fit a lens to a model')
    .description(
      'Fit lenses on your own photographs and question, and keep them and those that were fitted elsewhere.',
    )
    .addHelpText('after', examples);
  const add = (name: string, description: string) =>
    lens
      .command(name)
      .description(description)
      .option('-l, --library <folder>', "library; without it, the app's own");
  addChoice(add('fit', 'Fit a linear shortcut: the logit lens of h + A h + b, for every layer.'))
    .requiredOption('--name <name>', 'name of the lens')
    .option('-m, --model <folder>', 'model, as downloaded from Hugging Face; without it, the bundled one')
    .addOption(new Option('-p, --prompt <text>', 'your own question').conflicts('preset'))
    .option(
      '--preset <name>',
      `a ready question: ${promptPresets.map(({ id }) => id).join(', ')} (default: ${defaultPreset})`,
    )
    .addOption(new Option('--language <code>', 'language of the question').choices(languages).default('en'))
    .option('--max-pixels <n>', 'see the images in less detail, at most n pixels', readNumber(784))
    .option('--held-out <percent>', 'patients to measure on, per cent', readNumber(5, 90), 33)
    .option('--seed <n>', 'decides which patients these are', readNumber(0), 1)
    .action((options: FitLensOptions) => end(runFitLens(options)));
  add('list', 'List lenses.')
    .option('--json', 'print JSON')
    .action((options: LensListOptions) => end(runLenses(options)));
  add('show', 'Print what a lens was fitted on and how well it reads.')
    .argument('<lens>', 'number or name')
    .option('--json', 'print everything as JSON')
    .action((which: string, options: LensListOptions) => end(runShowLens(which, options)));
  add('export', 'Write a lens to a file of its own.')
    .argument('<lens>', 'number or name')
    .requiredOption('-o, --out <file>', 'file to write')
    .option('--overwrite', 'replace the file when it exists')
    .action((which: string, options: LensExportOptions) => end(runLensExport(which, options)));
  add('import', 'Take a lens in that was exported elsewhere, or a Jacobian lens of the public format (.pt).')
    .argument('<file>', 'file of a lens')
    .option('--name <name>', 'another name for it')
    .option('-m, --model <folder>', 'model that it was fitted to, for a .pt file, which does not say so')
    .action((file: string, options: LensImportOptions) => end(runLensImport(file, options)));
  add('rename', 'Give a lens another name.')
    .argument('<lens>', 'number or name')
    .argument('<name>', 'the new name')
    .action((which: string, name: string, options: LibraryOptions) =>
      end(runLensRename(which, name, options)),
    );
  add('remove', 'Take a lens out of the library; traces that were read through it stay.')
    .argument('<lens>', 'number or name')
    .action((which: string, options: LibraryOptions) => end(runLensRemove(which, options)));
}
