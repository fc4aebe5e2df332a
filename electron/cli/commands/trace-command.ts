import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { Task } from '../../contract/app/tasks.ts';
import { unpackTrace } from '../../engine/lens-trace/codec.ts';
import { lensTraceToJson } from '../../engine/lens-trace/to-json.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { traceDefaults, type TraceRequest } from '../../engine/lens-trace/trace-request.ts';
import { defaultConceptSet, loadConceptSet } from '../../bundled/concept-sets.ts';
import { OutputFile } from '../../workbench/exports/output-file.ts';
import { toImportProblem } from '../../workbench/imports/import-problem.ts';
import { defaultPreset, presetText } from '../../bundled/prompt-presets.ts';
import type { Language } from '../../bundled/prompt-presets.ts';
import { findModel, findSampleImage } from '../../workbench/traces/bundled-defaults.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { paintFor } from '../terminal/paint.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { print } from '../terminal/standard-output.ts';
import { endingTasks, errorOf } from './tasks/follow-tasks.ts';
import { withLibrary, type LibraryTools } from './library-context.ts';
import { toFilter, type ListCommandOptions } from './list-command.ts';
import { chooseLens } from './find-lens.ts';
import { drawTrace } from './pictures/trace-picture.ts';

type Settable = Omit<TraceRequest, 'controls' | 'lens'>;

/** What may be said of a trace; what is left out has the default of {@link traceDefaults}. */
export type TraceCommandOptions = { readonly [K in keyof Settable]?: Settable[K] | undefined } & Omit<
  ListCommandOptions,
  'limit' | 'json'
> & {
    /** Checkpoint folder; the bundled one. */
    readonly modelDir?: string | undefined;
    /** A ready question, instead of a prompt. */
    readonly preset?: string | undefined;
    readonly language: Language;
    /** Id of a concept set or path of a file. */
    readonly concepts?: string | undefined;
    /** False for the prompt without any image. */
    readonly image: boolean;
    readonly controls?: boolean | undefined;
    /** `logit`, `raw`, or the kind of a fitted lens, a colon, and its name or file. */
    readonly lens?: string | undefined;
    /** Words that choose images of the library. */
    readonly search?: string | undefined;
    /** File for the traces as JSON, one a line; "-" for stdout, which then carries nothing else. */
    readonly json?: string | undefined;
    /** File for pixel values, embeddings, residual stream and logits of one trace. */
    readonly dumpPath?: string | undefined;
  };

/**
 * Traces images through a library: the one that is named, which keeps the traces, or a temporary one. Files are imported
 * first; without any, the options choose among the library's images. An image that cannot be used is reported and passed
 * over; any other problem would befall every image, and ends the run.
 *
 * @returns the exit code: 0 when all went well, else that of the first problem
 */
export async function runTrace(files: readonly string[], options: TraceCommandOptions): Promise<number> {
  let exitCode: number = exitCodes.done;
  const progress = new ProgressBar(process.stderr);
  const report = (error: unknown) => {
    progress.clear();
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    if (exitCode === exitCodes.done) exitCode = exitCodeOf(error);
  };
  const output = new TraceOutput(options);
  try {
    checkOptions(files, options);
    await output.open();
  } catch (error) {
    report(error);
    await output.close(0, report);
    return exitCode;
  }
  const isTemporary = options.library === undefined;
  const mode = { create: isTemporary || files.length > 0, runQueue: true, isTemporary };
  const closed = await withLibrary(options, mode, async (tools) => {
    const images = await chooseImages(tools, files, options, report);
    const outcome = images === undefined ? null : await order(tools, images, options);
    const ids = outcome === null ? [] : [...outcome.existing, ...outcome.requeued, ...outcome.added];
    let numFailed = 0;
    for await (const task of endingTasks(tools, ids, progress)) {
      if (task.traceId === null) {
        numFailed += 1;
        report(errorOf(task));
        if (isTemporary && !concernsOnlyTheImage(task)) {
          await tools.client.tasks.cancel({ ids });
          break;
        }
      } else if (isTemporary || options.json !== undefined || options.dumpPath !== undefined) {
        progress.clear();
        await output.deliver(tools, task.traceId, task.title.fileName ?? null);
      }
    }
    if (tools.signal.aborted) report(new FundusLensError('engine.cancelled', 'Cancelled.'));
    if (!isTemporary && options.json !== '-') {
      const before = ids.length - (outcome?.added.length ?? 0) - (outcome?.requeued.length ?? 0);
      await print(`${ids.length - numFailed} of ${ids.length} traced; ${before} of them before\n`);
    }
    output.expected = Math.max(files.length, ids.length);
    return exitCodes.done;
  });
  progress.clear();
  await output.close(closed, report);
  return exitCode === exitCodes.done ? closed : exitCode;
}

/** Where the traces of one run go: a picture in the terminal, a line of JSON, a file of hidden states. */
class TraceOutput {
  /** Traces that the run was to make. */
  expected = 0;
  readonly #options: TraceCommandOptions;
  #json: OutputFile | null = null;
  #numDelivered = 0;
  #isWhole = true;

  constructor(options: TraceCommandOptions) {
    this.#options = options;
  }

  /** @throws FundusLensError `output.unwritable` before any work, when a file cannot be written */
  async open(): Promise<void> {
    const { json, dumpPath } = this.#options;
    if (json !== undefined && json !== '-') this.#json = await OutputFile.open(json);
    if (dumpPath !== undefined) await (await OutputFile.open(dumpPath)).discard();
  }

  async deliver({ client, signal }: LibraryTools, traceId: number, imageName: string | null): Promise<void> {
    const { json, dumpPath, language, library } = this.#options;
    const packed = await client.traces.cells({ id: traceId });
    const trace = unpackTrace(await packed.arrayBuffer());
    if (dumpPath !== undefined) {
      await client.exports.dump({ traceId, path: path.resolve(dumpPath) }, { signal });
    }
    try {
      await this.#write(trace);
    } catch (error) {
      this.#isWhole = false;
      throw error;
    }
    this.#numDelivered += 1;
    if (json !== '-' && library === undefined) {
      await print(drawTrace(trace, { imageName, language, paint: paintFor(process.stdout) }));
    }
  }

  async #write(trace: LensTrace): Promise<void> {
    const line = `${JSON.stringify(lensTraceToJson(trace))}\n`;
    if (this.#options.json === '-') await print(line);
    else await this.#json?.write(line);
  }

  /** Traces that were made are kept even when the run ended early; of a run without any, nothing is left. */
  async close(exitCode: number, report: (error: unknown) => void): Promise<void> {
    if (this.#json === null) return;
    const isKept = this.#isWhole && this.#numDelivered > 0;
    await (isKept ? this.#json.commit().catch(report) : this.#json.discard());
    if (isKept && (exitCode !== 0 || this.#numDelivered < this.expected)) {
      const counts = `${this.#numDelivered} of ${this.expected}`;
      process.stderr.write(`fundus-lens: ${counts} traces are in ${this.#options.json ?? ''}\n`);
    }
  }
}

async function order(
  { client }: LibraryTools,
  images: Parameters<LibraryTools['client']['traces']['enqueue']>[0]['images'],
  options: TraceCommandOptions,
) {
  const { prompt, preset, language, positions, maxPixels, topK, generate, traceGenerated } = options;
  const { id: modelId } = await client.models.addFolder({ folder: findModel(options.modelDir) });
  return client.traces.enqueue({
    images,
    modelId,
    prompts: [prompt ?? presetText(preset ?? defaultPreset, language)],
    conceptSetId: await chooseConceptSet(client, options.concepts ?? defaultConceptSet),
    lens: await chooseLens(client, options.lens ?? traceDefaults.lens, modelId),
    positions,
    maxPixels,
    topK,
    generate,
    traceGenerated,
    controls: options.controls,
    provider: options.provider ?? traceDefaults.provider,
  });
}

/** @returns null for the prompt without an image, undefined when no image is left to trace */
async function chooseImages(
  tools: LibraryTools,
  files: readonly string[],
  options: TraceCommandOptions,
  report: (error: unknown) => void,
) {
  const { client, workbench } = tools;
  if (!options.image) return null;
  if (files.length === 0 && options.library !== undefined) {
    const words = options.search === undefined ? [] : [options.search];
    return { filter: await toFilter(tools, words, options) };
  }
  const named = files.length === 0 ? [findSampleImage()] : files;
  const { importId } = await client.imports.start({
    paths: named.map((file) => path.resolve(file)),
    options: { storage: options.library === undefined ? 'in-place' : 'managed' },
  });
  const { entries } = await workbench.imports.wait(importId);
  for (const entry of entries) if (entry.status === 'failed') report(toImportProblem(entry));
  const ids = [...new Set(entries.flatMap(({ imageId }) => imageId ?? []))];
  return ids.length === 0 ? undefined : { ids };
}

/** A built-in set, one of the library, or a file, which becomes one of the library. */
async function chooseConceptSet(client: LibraryTools['client'], idOrFile: string): Promise<string> {
  const known = (await client.concepts.list()).find(({ set }) => set.id === idOrFile);
  if (known !== undefined) return known.set.id;
  const { set } = await client.concepts.save({ set: await loadConceptSet(idOrFile) });
  return set.id;
}

function checkOptions(images: readonly string[], options: TraceCommandOptions): void {
  if (!options.image && images.length > 0) {
    throw conflict('--no-image traces the prompt alone', 'an image as well', 'Leave out one of the two.');
  }
  if (options.dumpPath !== undefined && images.length > 1) {
    throw conflict('--dump writes one trace', `${images.length} images`, 'Trace the images one by one.');
  }
  if (options.traceGenerated === true && options.generate === 0) {
    throw conflict('--trace-generated needs an answer to trace', '--generate 0', 'Leave out one of the two.');
  }
}

function conflict(expected: string, found: string, advice: string): FundusLensError {
  return new FundusLensError('input.invalid', 'These options do not go together.', {
    expected,
    found,
    advice,
  });
}

function concernsOnlyTheImage({ problem }: Task): boolean {
  const code = problem?.code ?? 'internal';
  return code.startsWith('image.') || ['prompt.no-room-for-image', 'trace.positions'].includes(code);
}
