import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { lensTraceToJson } from '../../engine/lens-trace/lens-trace.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { OutputFile } from '../../workbench/exports/output-file.ts';
import type { Language } from '../../workbench/prompts/presets.ts';
import { TraceService, findSampleImage } from '../../workbench/traces/trace-service.ts';
import type { TraceOptions } from '../../workbench/traces/trace-service.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { cancelOnInterrupt } from '../terminal/interrupt.ts';
import { paintFor } from '../terminal/paint.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTrace } from './trace-picture.ts';

/** Images that the engine is told of in advance; it never takes more along. */
const lookAhead = 7;

export interface TraceCommandOptions extends TraceOptions {
  readonly language: Language;
  /** False for the prompt without any image. */
  readonly image: boolean;
  /** File for the traces as JSON, one a line; "-" for stdout, which then carries nothing else. */
  readonly json?: string | undefined;
}

/**
 * Traces images one after the other. An image that cannot be used is reported and passed over; any other problem
 * would befall every image, and ends the run.
 *
 * @returns the exit code: 0 when all went well, else that of the first problem
 */
export async function runTrace(images: readonly string[], options: TraceCommandOptions): Promise<number> {
  const service = new TraceService();
  const progress = new ProgressBar(process.stderr);
  const signal = cancelOnInterrupt(() => service.close());
  let output: OutputFile | null = null;
  let numJobs = 0;
  let numTraced = 0;
  let outputIsWhole = true;
  let exitCode: number = exitCodes.done;
  const report = (error: unknown) => {
    progress.clear();
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    if (exitCode === exitCodes.done) exitCode = exitCodeOf(error);
  };
  try {
    const jobs = listJobs(images, options);
    numJobs = jobs.length;
    if (options.json !== undefined && options.json !== '-') output = await OutputFile.open(options.json);
    for (const [index, imagePath] of jobs.entries()) {
      const imageName = imagePath === null ? null : path.basename(imagePath);
      progress.title = jobs.length === 1 ? '' : `${index + 1}/${jobs.length} ${imageName ?? ''}`;
      try {
        const upcoming = jobs.slice(index + 1, index + 1 + lookAhead).filter((next) => next !== null);
        const trace = await service.trace(
          imagePath,
          { ...options, upcoming },
          { signal, onProgress: (step) => progress.update(step) },
        );
        progress.clear();
        await deliver(trace, imageName, output, options);
        numTraced += 1;
      } catch (error) {
        if (!concernsOnlyTheImage(error)) throw error;
        report(error);
      }
    }
  } catch (error) {
    outputIsWhole = !(error instanceof FundusLensError && error.code === 'output.unwritable');
    report(error);
  }
  progress.clear();
  await service.close();
  if (output !== null) {
    // Traced images are kept even when the run ended early; of a run without any, nothing is left.
    const keep = outputIsWhole && numTraced > 0;
    await (keep ? output.commit().catch(report) : output.discard());
    if (keep && numTraced < numJobs) {
      process.stderr.write(`fundus-lens: ${numTraced} of ${numJobs} traces are in ${options.json ?? ''}\n`);
    }
  }
  return exitCode;
}

async function deliver(
  trace: LensTrace,
  imageName: string | null,
  output: OutputFile | null,
  { json, language }: TraceCommandOptions,
): Promise<void> {
  const line = () => `${JSON.stringify(lensTraceToJson(trace))}\n`;
  if (json === '-') return print(line());
  await output?.write(line());
  await print(drawTrace(trace, { imageName, language, paint: paintFor(process.stdout) }));
}

/** Images to trace; null stands for the prompt without one. */
function listJobs(images: readonly string[], options: TraceCommandOptions): (string | null)[] {
  if (!options.image && images.length > 0) {
    throw conflict('--no-image traces the prompt alone', 'an image as well', 'Leave out one of the two.');
  }
  if (options.dumpPath !== undefined && images.length > 1) {
    throw conflict('--dump writes one trace', `${images.length} images`, 'Trace the images one by one.');
  }
  if (options.traceGenerated === true && (options.generate ?? 0) === 0) {
    throw conflict(
      '--trace-generated needs an answer to trace',
      'no --generate',
      'Add --generate 20, for example.',
    );
  }
  if (!options.image) return [null];
  return images.length === 0 ? [findSampleImage()] : [...images];
}

function conflict(expected: string, found: string, advice: string): FundusLensError {
  return new FundusLensError('input.invalid', 'These options do not go together.', {
    expected,
    found,
    advice,
  });
}

function concernsOnlyTheImage(error: unknown): boolean {
  if (!(error instanceof FundusLensError)) return false;
  return (
    error.code.startsWith('image.') || ['prompt.no-room-for-image', 'trace.positions'].includes(error.code)
  );
}
