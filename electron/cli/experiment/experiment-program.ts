import { Option } from 'commander';
import type { Command } from 'commander';
import { languages } from '../../bundled/prompt-presets.ts';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { listExperiments, runExperimentFile, runNotebook } from './experiment-command.ts';
import type { ExperimentOptions } from './experiment-command.ts';
import { addClusterOptions } from '../cluster/cluster-options.ts';
import type { LibraryOptions } from '../commands/library-context.ts';

const examples = `
Examples:
  fundus-lens experiment notebook photographs/ -o notebook.html
      Up to 15 photographs through the bundled model, both readings on one page.
  fundus-lens experiment notebook photographs/ --write plan.yaml
      The same as a file, to be changed and run.
  fundus-lens experiment run plan.yaml --library study -o page.html -o all.zip
      What the file asks. In a library an interrupted run goes on with the same
      command, and what was traced before is not traced again.

A file names photographs (a group of the library, or files, folders and data
sets), models, prompts, lenses, concepts, and hypotheses with thresholds. Its
plan is fixed and hashed before anything is computed.`;

/** Adds experiments: a question about many photographs, answered in one run. */
export function addExperimentCommands(program: Command): void {
  const experiment = program
    .command('experiment')
    .summary('ask many photographs one question')
    .description('Answer a question about many photographs in one run, on one page.')
    .addHelpText('after', examples);
  addClusterOptions(
    addOutput(
      experiment
        .command('run')
        .description('Run an experiment file, or go on with it.')
        .argument('<file>', 'experiment, .yaml'),
    ),
  ).action(async (file: string, options: ExperimentOptions) => {
    process.exitCode = await runExperimentFile(file, options);
  });
  addOutput(
    experiment
      .command('notebook')
      .description(
        'Repeat the experiment of the notebook that this project grew from, with the corrected reading beside it and a sentence on what differs.',
      )
      .argument('<file...>', 'photographs or folders, at most 15 photographs')
      .option('-m, --model <folder>', 'model; without it, the bundled one')
      .option('--write <file>', 'write the experiment as a file, .yaml, and run nothing'),
  ).action(async (files: string[], options: ExperimentOptions & { model?: string; write?: string }) => {
    process.exitCode = await runNotebook(files, options);
  });
  experiment
    .command('list')
    .description('List the experiments of a library.')
    .option('-l, --library <folder>', 'library; without it, that of the app')
    .action(async (options: LibraryOptions) => {
      process.exitCode = await listExperiments(options);
    });
}

function addOutput(command: Command): Command {
  return command
    .option(
      '-o, --out <file>',
      'result to write, by its ending: .html, .pdf, .zip, .csv, .parquet, .json or .yaml; may be repeated',
      (file: string, before: string[]) => [...before, file],
      [],
    )
    .option('-l, --library <folder>', 'library that keeps the traces; without it, none does')
    .addOption(new Option('--provider <name>', 'where the model runs').choices(['auto', ...providerNames]))
    .addOption(new Option('--language <code>', 'language of the page').choices(languages).default('en'))
    .option('--overwrite', 'replace results that exist');
}
