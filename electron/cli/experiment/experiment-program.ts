import { Option } from 'commander';
import type { Command } from 'commander';
import { languages } from '../../bundled/prompt-presets.ts';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { runNotebook } from './notebook-command.ts';
import type { NotebookOptions } from './notebook-command.ts';

const examples = `
Examples:
  fundus-lens experiment notebook photographs/ -o notebook.html
      Up to 15 photographs through the bundled model, both readings on one page.
  fundus-lens experiment notebook *.jpg -o page.html --library study --model ~/Qwen2.5-VL-7B-Instruct
      The same in a library, where an interrupted run goes on.`;

/** Adds experiments: a question about many photographs, answered in one run. */
export function addExperimentCommands(program: Command): void {
  const experiment = program
    .command('experiment')
    .summary('ask many photographs one question')
    .description('Answer a question about many photographs in one run, on one page.')
    .addHelpText('after', examples);
  experiment
    .command('notebook')
    .description(
      'Repeat the experiment of the notebook that this project grew from, with the corrected reading beside it and a sentence on what differs.',
    )
    .argument('<file...>', 'photographs or folders, at most 15 photographs')
    .requiredOption('-o, --out <file>', 'page to write, .html')
    .option('-l, --library <folder>', 'library that keeps the traces; without it, none does')
    .option('-m, --model <folder>', 'model; without it, the bundled one')
    .addOption(new Option('--provider <name>', 'where the model runs').choices(['auto', ...providerNames]))
    .addOption(new Option('--language <code>', 'language of the page').choices(languages).default('en'))
    .option('--overwrite', 'replace the page when it exists')
    .action(async (files: string[], { model, ...options }: NotebookOptions & { model?: string }) => {
      process.exitCode = await runNotebook(files, { ...options, modelDir: model });
    });
}
