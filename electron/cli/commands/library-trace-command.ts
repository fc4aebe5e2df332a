import path from 'node:path';
import type { Job } from '../../contract/jobs.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { loadConceptSet, defaultConceptSet } from '../../workbench/concepts/concept-sets.ts';
import { defaultPreset, presetText } from '../../workbench/prompts/presets.ts';
import { findModel } from '../../workbench/traces/trace-service.ts';
import { exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryTools } from './library-context.ts';
import { toFilter } from './list-command.ts';
import type { ListCommandOptions } from './list-command.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { print } from '../terminal/standard-output.ts';
import type { TraceCommandOptions } from './trace-command.ts';

export type LibraryTraceOptions = TraceCommandOptions &
  Omit<ListCommandOptions, 'limit' | 'json'> & { readonly search?: string | undefined };

/**
 * Traces images of a library and keeps the traces there. Files that are named are imported first; without any, the
 * options choose. What was traced before in the same way is not traced again.
 *
 * @returns 0, or 2 when jobs failed
 */
export function runLibraryTrace(files: readonly string[], options: LibraryTraceOptions): Promise<number> {
  return withLibrary(options, { create: files.length > 0, runJobs: true }, async (tools) => {
    const { client, signal } = tools;
    refuseUnfitting(options);
    const { id: modelId } = await client.models.addFolder({ folder: findModel(options.modelDir) });
    const conceptSetId = await chooseConceptSet(tools, options.concepts ?? defaultConceptSet);
    const outcome = await client.jobs.enqueue({
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
    const done = await follow(tools, ids, signal);
    const failed = done.filter(({ state }) => state === 'failed');
    const news = outcome.added.length + outcome.requeued.length;
    await print(
      `${done.length - failed.length} of ${ids.length} traced; ${ids.length - news} of them before\n` +
        failed.map(({ imageId, error }) => `image ${imageId ?? '–'}: ${error?.summary ?? ''}\n`).join(''),
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

/** Waits for the jobs, showing how far they are; Ctrl-C leaves what is not done in the queue. */
async function follow({ client }: LibraryTools, ids: readonly number[], signal: AbortSignal): Promise<Job[]> {
  const progress = new ProgressBar(process.stderr);
  const waiting = new Set(ids);
  const ended = new Map<number, Job>();
  const look = async () => {
    for (const id of waiting) {
      const job = await client.jobs.get({ id });
      if (job.state === 'queued' || job.state === 'running' || job.state === 'paused') return;
      waiting.delete(id);
      ended.set(id, job);
    }
  };
  try {
    for await (const event of await client.events.subscribe(undefined, { signal })) {
      if (event.type === 'job-progress' && waiting.has(event.jobId)) {
        progress.title = `${ended.size + 1}/${ids.length}`;
        progress.update(event);
      }
      if (event.type === 'resync') await look();
      if (event.type === 'job' && waiting.has(event.jobId) && isOver(event.state)) {
        waiting.delete(event.jobId);
        ended.set(event.jobId, await client.jobs.get({ id: event.jobId }));
      }
      if (waiting.size === 0) break;
    }
  } finally {
    progress.clear();
  }
  return [...ended.values()];
}

function isOver(state: Job['state']): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}
