import { existsSync } from 'node:fs';
import path from 'node:path';
import { defaultConceptSet } from '../../bundled/concept-sets.ts';
import { presetText } from '../../bundled/prompt-presets.ts';
import type { Language } from '../../bundled/prompt-presets.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { unpackTrace } from '../../engine/lens-trace/codec.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { TraceRequest } from '../../engine/lens-trace/trace-request.ts';
import { nameTaken } from '../../workbench/exports/deliver.ts';
import { OutputFile } from '../../workbench/exports/output-file.ts';
import { toImportProblem } from '../../workbench/imports/import-problem.ts';
import { findModel } from '../../workbench/traces/bundled-defaults.ts';
import { endingTasks, errorOf } from '../commands/follow-tasks.ts';
import { withLibrary } from '../commands/library-context.ts';
import type { LibraryOptions, LibraryTools } from '../commands/library-context.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { print } from '../terminal/standard-output.ts';
import { notebookPage } from './notebook-page.ts';

export interface NotebookOptions extends LibraryOptions {
  readonly out: string;
  readonly modelDir?: string | undefined;
  readonly provider?: TraceRequest['provider'] | undefined;
  readonly language: Language;
  readonly overwrite?: boolean | undefined;
}

/** What the notebook did: at most so many photographs, 1026 × 684 pixels, five tokens. */
const recipe = { maxImages: 15, maxPixels: 1026 * 684, topK: 5, preset: 'notebook' } as const;

/**
 * The notebook's experiment in one command: up to 15 photographs through the raw lens as it was done, and through the logit lens
 * with controls beside it, on one page. In a named library what is there already is not computed again, so that the same
 * command goes on after an interruption.
 *
 * @returns the exit code: 0 when every photograph was traced, else that of the first problem
 */
export async function runNotebook(files: readonly string[], options: NotebookOptions): Promise<number> {
  let exitCode: number = exitCodes.done;
  const progress = new ProgressBar(process.stderr);
  const report = (error: unknown) => {
    progress.clear();
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    if (exitCode === exitCodes.done) exitCode = exitCodeOf(error);
  };
  let output: OutputFile;
  try {
    output = await openPage(options);
  } catch (error) {
    report(error);
    return exitCode;
  }
  const written: string[] = [];
  const isTemporary = options.library === undefined;
  const mode = { create: true, runQueue: true, isTemporary };
  const closed = await withLibrary(options, mode, async (tools) => {
    const images = await importPhotographs(tools, files, isTemporary, report);
    const { id: modelId } = await tools.client.models.addFolder({ folder: findModel(options.modelDir) });
    const order = {
      images: { ids: [...images.keys()] },
      modelId,
      prompts: [presetText(recipe.preset, 'en')],
      conceptSetId: defaultConceptSet,
      maxPixels: recipe.maxPixels,
      topK: recipe.topK,
      generate: 0,
      provider: options.provider ?? 'auto',
    };
    const raw = await traceAll(tools, { ...order, lens: 'raw', controls: false }, progress);
    const corrected = await traceAll(tools, { ...order, lens: 'logit' }, progress);
    progress.clear();
    if (tools.signal.aborted) throw new FundusLensError('engine.cancelled', 'Cancelled.');
    const problems = new Map([...raw.problems, ...corrected.problems]);
    for (const problem of problems.values()) report(problem);
    const done = [...images.keys()].filter((id) => raw.traces.has(id) && corrected.traces.has(id));
    if (done.length === 0) return exitCodes.done;
    const page = notebookPage(
      {
        raw: done.map((id) => raw.traces.get(id)!),
        corrected: done.map((id) => corrected.traces.get(id)!),
        fileNames: done.map((id) => images.get(id)!),
        failures: [...problems].map(([id, problem]) => ({
          fileName: images.get(id) ?? '',
          reason: problem.message,
        })),
      },
      options.language,
    );
    await output.write(page);
    await output.commit();
    written.push(options.out);
    await print(`${options.out}: ${done.length} of ${images.size} photographs\n`);
    return exitCodes.done;
  });
  if (written.length === 0) await output.discard();
  return exitCode === exitCodes.done ? closed : exitCode;
}

/** @returns file names by image id, at most as many as the notebook had */
async function importPhotographs(
  { client, workbench }: LibraryTools,
  files: readonly string[],
  isTemporary: boolean,
  report: (error: unknown) => void,
): Promise<ReadonlyMap<number, string>> {
  const { importId } = await client.imports.start({
    paths: files.map((file) => path.resolve(file)),
    options: { storage: isTemporary ? 'in-place' : 'managed' },
  });
  const { entries } = await workbench.imports.wait(importId);
  for (const entry of entries) if (entry.status === 'failed') report(toImportProblem(entry));
  const ids = [...new Set(entries.flatMap(({ imageId }) => imageId ?? []))];
  if (ids.length === 0)
    throw new FundusLensError('input.invalid', 'There is nothing to trace.', {
      expected: 'photographs, or folders of them',
      found: 'no image that could be read',
      advice: 'Name other files.',
    });
  if (ids.length > recipe.maxImages)
    throw new FundusLensError('input.invalid', 'These are more photographs than the experiment takes.', {
      expected: `at most ${recipe.maxImages}, as in the notebook`,
      found: String(ids.length),
      advice: 'Name fewer files; for larger studies use `fundus-lens trace --library` and groups.',
    });
  const images = new Map<number, string>();
  for (const id of ids) images.set(id, (await client.images.get({ id })).image.fileName);
  return images;
}

async function traceAll(
  tools: LibraryTools,
  order: Parameters<LibraryTools['client']['traces']['enqueue']>[0],
  progress: ProgressBar,
) {
  const { client } = tools;
  const { existing, requeued, added } = await client.traces.enqueue(order);
  const traces = new Map<number, LensTrace>();
  const problems = new Map<number, Error>();
  for await (const task of endingTasks(tools, [...existing, ...requeued, ...added], progress)) {
    if (task.imageId === null) continue;
    if (task.traceId === null) problems.set(task.imageId, errorOf(task));
    else {
      const packed = await client.traces.cells({ id: task.traceId });
      traces.set(task.imageId, unpackTrace(await packed.arrayBuffer()));
    }
  }
  return { traces, problems };
}

/** Before any work. @throws FundusLensError `output.unwritable`, also for a file that exists and may not be replaced */
async function openPage({ out, overwrite }: NotebookOptions): Promise<OutputFile> {
  if (overwrite !== true && existsSync(out)) throw nameTaken(path.resolve(out));
  return OutputFile.open(path.resolve(out));
}
