import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { experimentFileFormats } from '../../contract/experiments.ts';
import type { ExperimentFile, ExperimentFileFormat } from '../../contract/experiments.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { deserializeError } from '../../contract/problem.ts';
import type { Language } from '../../bundled/prompt-presets.ts';
import type { TraceRequest } from '../../engine/lens-trace/trace-request.ts';
import { deliver, nameTaken } from '../../workbench/exports/deliver.ts';
import { OutputFile } from '../../workbench/exports/output-file.ts';
import { readExperiment, writeExperiment } from '../../workbench/experiments/plan/experiment-yaml.ts';
import { notebookExperiment, requireNotebookSize } from '../../workbench/experiments/plan/notebook.ts';
import { toImportProblem } from '../../workbench/imports/import-problem.ts';
import { clusterOf } from '../cluster/cluster-options.ts';
import type { ClusterOptions } from '../cluster/cluster-options.ts';
import { followOnCluster } from '../cluster/follow-on-cluster.ts';
import { withLibrary } from '../commands/library-context.ts';
import type { LibraryOptions, LibraryTools } from '../commands/library-context.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { followExperiment } from './follow-experiment.ts';

export interface ExperimentOptions extends LibraryOptions, ClusterOptions {
  readonly out: readonly string[];
  readonly provider?: TraceRequest['provider'] | undefined;
  readonly language: Language;
  readonly overwrite?: boolean | undefined;
}

/** Runs an experiment file. @returns the exit code: 0 when every trace is there, else that of the first problem */
export async function runExperimentFile(file: string, options: ExperimentOptions): Promise<number> {
  try {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new FundusLensError('experiment.invalid', `Cannot read ${file}.`, {
        expected: 'an experiment file',
        advice: 'Check the name of the file.',
        cause,
      });
    });
    return await run(within(path.dirname(path.resolve(file)), readExperiment(text)), options);
  } catch (error) {
    return tell(error);
  }
}

/** The notebook's experiment in one command. */
export async function runNotebook(
  files: readonly string[],
  { model, write, ...options }: ExperimentOptions & { readonly model?: string; readonly write?: string },
): Promise<number> {
  try {
    const experiment = notebookExperiment(
      { paths: [...files] },
      model === undefined ? 'bundled' : { folder: model },
    );
    if (write === undefined)
      return await run(within(process.cwd(), experiment), options, requireNotebookSize);
    const text = writeExperiment(within(process.cwd(), experiment));
    await deliver({ to: 'file', path: write, overwrite: options.overwrite ?? false }, '', '', text);
    await print(`${write}\n`);
    return exitCodes.done;
  } catch (error) {
    return tell(error);
  }
}

export function listExperiments(options: LibraryOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const rows = (await client.experiments.list()).map(({ id, title, progress, planSha256, createdAt }) => [
      String(id),
      createdAt.slice(0, 10),
      `${progress.done} of ${progress.total}`,
      progress.state,
      planSha256.slice(0, 12),
      title,
    ]);
    await print(drawTable(['id', 'fixed', 'traces', 'state', 'plan', 'title'], rows));
    return exitCodes.done;
  });
}

async function run(
  file: ExperimentFile,
  options: ExperimentOptions,
  requireSize?: (photographs: number) => void,
): Promise<number> {
  const outputs = await openOutputs(options);
  const isTemporary = options.library === undefined;
  let exitCode: number = exitCodes.done;
  const note = (error: unknown) => {
    const code = tell(error);
    if (exitCode === exitCodes.done) exitCode = code;
  };
  const cluster = clusterOf(options);
  const mode = { create: true, runQueue: cluster === null, isTemporary, cluster };
  const closed = await withLibrary(options, mode, async (tools) => {
    const { client } = tools;
    const images = await importPhotographs(tools, file, isTemporary, note);
    if (images !== undefined) requireSize?.(images.ids.length);
    const { id, title, planSha256 } = await client.experiments.create({
      file,
      ...(images === undefined ? {} : { images }),
    });
    await print(`${title}\nplan ${planSha256}, fixed before the run\n`);
    const bar = new ProgressBar(process.stderr);
    const { progress } =
      cluster === null
        ? await followExperiment(tools, id, options.provider, bar)
        : await followOnCluster(tools, id, bar);
    if (tools.signal.aborted) throw new FundusLensError('engine.cancelled', 'Cancelled.');
    if (progress.problem !== null) note(deserializeError(progress.problem));
    const results = await client.experiments.results({ id });
    await print(`${results.verdict[options.language].join('\n')}\n`);
    if (results.difference !== null) await print(`${results.difference[options.language]}\n`);
    await print(`${progress.done} of ${progress.total} traces\n`);
    if (progress.done === 0) return exitCodes.done;
    for (const { file: out, format } of outputs) {
      const { language, overwrite = false } = options;
      const target = { to: 'file', path: path.resolve(out), overwrite } as const;
      await client.experiments.export({ id, format, language, target });
      await print(`${out}\n`);
    }
    return exitCodes.done;
  });
  return exitCode === exitCodes.done ? closed : exitCode;
}

/** Photographs that the file names by their paths; undefined when it names them otherwise. */
async function importPhotographs(
  { client, workbench }: LibraryTools,
  { photographs }: ExperimentFile,
  isTemporary: boolean,
  note: (error: unknown) => void,
): Promise<{ ids: number[] } | undefined> {
  if (!('paths' in photographs)) return undefined;
  const { importId } = await client.imports.start({
    paths: photographs.paths,
    options: { storage: isTemporary ? 'in-place' : 'managed' },
  });
  const { entries } = await workbench.imports.wait(importId);
  for (const entry of entries) if (entry.status === 'failed') note(toImportProblem(entry));
  const ids = [...new Set(entries.flatMap(({ imageId }) => imageId ?? []))];
  if (ids.length > 0) return { ids };
  throw new FundusLensError('input.invalid', 'There is nothing to trace.', {
    expected: 'photographs, or folders of them',
    found: 'no image that could be read',
    advice: 'Name other files.',
  });
}

/** Before any work, what cannot be written is refused. */
async function openOutputs({ out, overwrite = false }: ExperimentOptions) {
  const outputs = out.map((file) => ({ file, format: formatOf(file) }));
  for (const { file } of outputs) {
    if (!overwrite && existsSync(file)) throw nameTaken(path.resolve(file));
    await (await OutputFile.open(path.resolve(file))).discard();
  }
  return outputs;
}

function formatOf(file: string): ExperimentFileFormat {
  const ending = path.extname(file).slice(1).toLowerCase();
  const format = experimentFileFormats.find(
    (each) => each === ending || (each === 'yaml' && ending === 'yml'),
  );
  if (format !== undefined) return format;
  throw new FundusLensError('input.invalid', `What to write is told by the ending of ${file}.`, {
    expected: experimentFileFormats.map((each) => `.${each}`).join(', '),
    found: ending === '' ? 'no ending' : `.${ending}`,
    advice: 'Name the file otherwise.',
  });
}

/** Paths of a file are meant from where the file lies. */
function within(folder: string, file: ExperimentFile): ExperimentFile {
  const { photographs, models } = file;
  return {
    ...file,
    photographs:
      'paths' in photographs
        ? { paths: photographs.paths.map((each) => path.resolve(folder, each)) }
        : photographs,
    models: models.map((model) =>
      typeof model === 'object' && 'folder' in model ? { folder: path.resolve(folder, model.folder) } : model,
    ),
  };
}

function tell(error: unknown): number {
  process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
  return exitCodeOf(error);
}
