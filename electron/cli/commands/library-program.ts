import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { sexes } from '../../contract/images/patients.ts';
import { tableFormats } from '../../contract/exports.ts';
import { languages } from '../../bundled/prompt-presets.ts';
import { runBackup, runErase, runRestore, runVerify } from './backup-commands.ts';
import type { BackupCommandOptions } from './backup-commands.ts';
import { runCompare } from './compare-command.ts';
import type { CompareCommandOptions } from './compare-command.ts';
import { exportKinds, runExport } from './export-command.ts';
import type { ExportCommandOptions, ExportKind } from './export-command.ts';
import { runImport } from './import-command.ts';
import type { ImportCommandOptions } from './import-command.ts';
import type { LibraryOptions } from './library-context.ts';
import { runList } from './list-command.ts';
import type { ListCommandOptions } from './list-command.ts';
import { runDiagnostics, type DiagnosticsOptions } from './diagnostics-command.ts';
import { runPatient } from './patient-command.ts';
import type { PatientCommandOptions } from './patient-command.ts';
import { runTasks, taskCommands } from './tasks/tasks-command.ts';
import type { TaskCommand, TasksCommandOptions } from './tasks/tasks-command.ts';
import { runTrash, trashCommands } from './trash-command.ts';
import type { TrashCommand, TrashCommandOptions } from './trash-command.ts';
import { readNumber, readNumbers } from '../terminal/read-number.ts';

/** Adds the commands that work on a library of images. */
export function addLibraryCommands(program: Command): void {
  /** Runs a command and keeps its exit code for the process. */
  const end = async (running: Promise<number>) => {
    process.exitCode = await running;
  };
  const add = (name: string, summary: string, description: string) =>
    program
      .command(name)
      .summary(summary)
      .description(description)
      .option('-l, --library <folder>', "library; without it, the app's own");

  add(
    'import',
    'take images into a library',
    'Take photographs, folders, zip archives and DICOM files into a library.',
  )
    .argument('<path...>', 'files and folders; originals are never changed')
    .option('--manifest <file>', 'CSV file that names patient, visit, eye and findings of each file')
    .option('--folder-rule <rule>', 'what folders below name: patient, patient/visit, or with * for others')
    .option('--no-datasets', 'do not recognise public data sets with their patients, labels and masks')
    .option('--in-place', 'leave the files where they are and remember their place')
    .option('--tag <name>', 'tag for every image; may be repeated', collect)
    .option('--report <file>', 'write what became of each file, .csv or .json')
    .action((sources: string[], options: ImportCommandOptions) => end(runImport(sources, options)));

  addChoice(add('list', 'list images', 'List the images of a library.'))
    .option('-n, --limit <n>', 'how many to show', readNumber(1, 1000), 50)
    .option('--json', 'print JSON')
    .action((options: ListCommandOptions) => end(runList([], options)));
  addChoice(
    add('search', 'find images', 'Find images by words in code, name, tags, notes, findings and answers.'),
  )
    .argument('<word...>', 'beginnings of words that must all occur')
    .option('-n, --limit <n>', 'how many to show', readNumber(1, 1000), 50)
    .option('--json', 'print JSON')
    .action((words: string[], options: ListCommandOptions) => end(runList(words, options)));

  add(
    'diagnostics',
    'describe this installation for someone who looks for a fault',
    'Write versions, the machine, counts, error codes and the log as JSON, without names, paths, prompts or answers. It is sent nowhere.',
  )
    .option('-o, --output <file>', 'write into a file; without it, print')
    .action((options: DiagnosticsOptions) => end(runDiagnostics(options)));

  addTasks(
    add(
      'tasks',
      'show or steer long work',
      'Show traces, imports, downloads and preparations; pause, resume, retry or cancel them.',
    ),
  );
  // What it was called before.
  addTasks(program.command('jobs', { hidden: true }).option('-l, --library <folder>'));

  add('compare', 'compare traces', 'Compare the first of 2 to 6 traces with each other one, layer by layer.')
    .argument('<trace...>', 'numbers of traces', collectIds)
    .option('--exact', 'run the models again and use every token')
    .option('--json', 'print JSON')
    .action((ids: number[], options: CompareCommandOptions) => end(runCompare(ids, options)));

  addExport(
    add(
      'export',
      'write results to a file',
      'Write traces, comparisons, hidden states, reports, an animation over the layers or a whole study to a file.',
    ),
  ).action((kind: ExportKind, options: ExportCommandOptions) => end(runExport(kind, options)));

  add(
    'backup',
    'back a library up',
    'Copy the database of a library, check the copy, and keep it; or write the whole library, photographs included, to a file.',
  )
    .option('--everything <file>', 'a zip of database, photographs and arrays; not of the models')
    .option('--overwrite', 'replace the file when it exists')
    .action((options: BackupCommandOptions) => end(runBackup(options)));
  add(
    'restore',
    'put a backup back',
    'Put a backup of the database in the place of the present one, which is kept too; or make a new library of a zip of everything.',
  )
    .argument('<backup>', 'name, as `backup` lists it, or a zip that `backup --everything` wrote')
    .action((name: string, options: LibraryOptions) => end(runRestore(name, options)));
  add(
    'patient',
    'one patient over time',
    'Show visits, photographs, findings and traces of one patient, and change what is known.',
  )
    .argument('<code>', 'as `list` shows it')
    .option('--rename <code>', 'another code')
    .option('--birth-year <year>', 'year of birth', readNumber(1850, 2200))
    .addOption(new Option('--sex <sex>', 'what is known').choices(sexes))
    .option('--split <visits>', 'visits that are somebody else’s: 3,5', readNumbers(1))
    .option('--to <code>', 'who gets the visits of --split; made when there is none')
    .option('--merge-into <code>', 'the other code of the same person, who stays')
    .option('--json', 'print JSON')
    .action((code: string, options: PatientCommandOptions) => end(runPatient(code, options)));
  add('trash', 'put removed things back', 'Show what was removed, put it back, or let it go for good.')
    .addArgument(new Argument('[action]', 'what to do').choices(trashCommands).default('list'))
    .argument('[number...]', 'things, as the list numbers them; empty without any lets all go', collectIds)
    .option('--json', 'print JSON')
    .action((action: TrashCommand, ids: number[], options: TrashCommandOptions) =>
      end(runTrash(action, ids, options)),
    );
  add(
    'erase',
    'erase what was removed',
    'Make removed photographs and names unreadable, and tell which backups may still hold them.',
  ).action((options: LibraryOptions) => end(runErase(options)));
  add(
    'verify',
    'check a library',
    'Read everything in a library and tell what is missing or damaged.',
  ).action((options: LibraryOptions) => end(runVerify(options)));
}

function addTasks(command: Command): void {
  command
    .addArgument(new Argument('[action]', 'what to do').choices(taskCommands).default('list'))
    .argument('[task...]', 'tasks, as the list names them; without any, the queue or all traces')
    .option('-n, --limit <n>', 'how many to show', readNumber(1, 1000), 20)
    .option('--json', 'print JSON')
    .action(async (action: TaskCommand, ids: string[], options: TasksCommandOptions) => {
      process.exitCode = await runTasks(action, ids, options);
    });
}

/** Options that choose images. */
export function addChoice(command: Command): Command {
  return command
    .addOption(new Option('--eye <eye>', 'only this eye').choices(['R', 'L', 'unknown']))
    .option('--patient <code>', 'only this patient')
    .option('--group <name>', 'only this group')
    .option('--untraced', 'only images without a trace');
}

function addExport(command: Command): Command {
  return command
    .addArgument(new Argument('<what>', 'what to write').choices(exportKinds))
    .requiredOption('-o, --out <file>', 'file to write')
    .option(
      '--traces <ids>',
      'numbers of traces, such as 1,2,5-9; without it, the newest 1000',
      readNumbers(1),
    )
    .addOption(new Option('--table <name>', 'rows of a table').choices(['cells', 'concepts', 'summary']))
    .addOption(new Option('--format <name>', 'format').choices([...tableFormats, 'safetensors', 'npy']))
    .option('--layers <list>', 'layers of hidden states, such as 0,14,28', readNumbers(0))
    .option(
      '--positions <list>',
      'positions of hidden states; without it, those of the trace',
      readNumbers(0),
    )
    .option('--concept <id>', 'animation: the concept on the photograph; without it, the leading one')
    .option('--speed <n>', 'animation: layers a second', readNumber(1, 20), 4)
    .option('--exact', 'comparison: run the models again and use every token')
    .option('--no-images', 'study: leave the photographs out')
    .option('--deidentify', 'replace codes, move dates, strip metadata')
    .option('--confirm-burned-in-text', 'I looked: no photograph shows a name')
    .addOption(
      new Option('--language <code>', 'language of a report or an animation')
        .choices(languages)
        .default('en'),
    )
    .option('--overwrite', 'replace the file when it exists');
}

function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

function collectIds(value: string, earlier: number[] = []): number[] {
  return [...earlier, ...readNumbers(1)(value)];
}
