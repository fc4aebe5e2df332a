import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { loadConceptSet, defaultConceptSet } from '../../workbench/concepts/concept-sets.ts';
import { defaultPreset, presetText } from '../../workbench/prompts/presets.ts';
import { findModel } from '../../workbench/traces/trace-service.ts';
import { exitCodes } from '../exit-codes.ts';
import { followTasks } from './follow-tasks.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryTools } from './library-context.ts';
import { toFilter } from './list-command.ts';
import type { ListCommandOptions } from './list-command.ts';
import { print } from '../terminal/standard-output.ts';
import { describeTitle } from './tasks-picture.ts';
import type { TraceCommandOptions } from './trace-command.ts';

export type LibraryTraceOptions = TraceCommandOptions &
  Omit<ListCommandOptions, 'limit' | 'json'> & { readonly search?: string | undefined };

/**
 * Traces images of a library and keeps the traces there. Files that are named are imported first; without any, the
 * options choose. What was traced before in the same way is not traced again.
 *
 * @returns 0, or 2 when some failed
 */
export function runLibraryTrace(files: readonly string[], options: LibraryTraceOptions): Promise<number> {
  return withLibrary(options, { create: files.length > 0, runQueue: true }, async (tools) => {
    const { client, signal } = tools;
    refuseUnfitting(options);
    const { id: modelId } = await client.models.addFolder({ folder: findModel(options.modelDir) });
    const conceptSetId = await chooseConceptSet(tools, options.concepts ?? defaultConceptSet);
    const outcome = await client.traces.enqueue({
      images: options.image ? await chooseImages(tools, files, options) : null,
      modelId,
      prompts: [options.prompt ?? presetText(options.preset ?? defaultPreset, options.language)],
      conceptSetId,
      lens: options.lens ?? 'logit',
      positions:
        typeof options.positions === 'object' ? [...options.positions] : (options.positions ?? 'last'),
      maxPixels: options.maxPixels ?? null,
      topK: options.topK ?? 10,
      generate: options.generate ?? 0,
      traceGenerated: options.traceGenerated ?? false,
      controls: options.controls ?? true,
      provider: options.provider ?? 'auto',
    });
    const ids = [...outcome.added, ...outcome.requeued, ...outcome.existing];
    const tasks = await followTasks(tools, ids, 'leave');
    const done = tasks.filter(({ state }) => state === 'done');
    const failed = tasks.filter(({ state }) => state === 'failed');
    const news = outcome.added.length + outcome.requeued.length;
    await print(
      `${done.length} of ${ids.length} traced; ${ids.length - news} of them before\n` +
        failed.map((task) => `${describeTitle(task)}: ${task.problem?.summary ?? ''}\n`).join(''),
    );
    if (signal.aborted) return exitCodes.cancelled;
    return failed.length === 0 ? exitCodes.done : exitCodes.badInput;
  });
}

function refuseUnfitting({ dumpPath, json }: LibraryTraceOptions): void {
  if (dumpPath === undefined && json === undefined) return;
  throw new FundusLensError('input.invalid', 'These options do not go together.', {
    expected: '--library keeps the traces in the library',
    found: dumpPath === undefined ? '--json as well' : '--dump as well',
    advice: 'Leave one of them out, and use `fundus-lens export` afterwards.',
  });
}

async function chooseImages(tools: LibraryTools, files: readonly string[], options: LibraryTraceOptions) {
  const { client, workbench } = tools;
  if (files.length === 0) {
    const words = options.search === undefined ? [] : [options.search];
    return { filter: await toFilter(tools, words, options) };
  }
  const { importId } = await client.imports.start({ paths: files.map((file) => path.resolve(file)) });
  const { entries } = await workbench.imports.wait(importId);
  const ids = [...new Set(entries.flatMap(({ imageId }) => imageId ?? []))];
  for (const { status, path: file, detail } of entries) {
    if (status === 'failed') process.stderr.write(`fundus-lens: ${path.basename(file)}: ${detail}\n`);
  }
  if (ids.length > 0) return { ids };
  throw new FundusLensError('import.file', 'None of the files could be taken into the library.');
}

/** A built-in set, one of the library, or a file, which becomes one of the library. */
async function chooseConceptSet({ client }: LibraryTools, idOrFile: string): Promise<string> {
  const known = (await client.concepts.list()).find(({ set }) => set.id === idOrFile);
  if (known !== undefined) return known.set.id;
  const { set } = await client.concepts.save({ set: await loadConceptSet(idOrFile) });
  return set.id;
}
