import { OutputFile } from '../../workbench/exports/output-file.ts';
import { TraceService } from '../../workbench/traces/trace-service.ts';
import { describeError, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { cancelOnInterrupt } from '../terminal/interrupt.ts';
import { paintFor } from '../terminal/paint.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import { drawReport } from './report-picture.ts';
import { print } from '../terminal/standard-output.ts';

export interface InspectCommandOptions {
  /** File for the report as JSON; "-" for stdout, which then carries nothing else. */
  readonly json?: string | undefined;
}

/** Tells what a checkpoint folder holds. @returns the exit code */
export async function runInspect(
  modelDir: string | undefined,
  { json }: InspectCommandOptions,
): Promise<number> {
  const service = new TraceService();
  const progress = new ProgressBar(process.stderr);
  const signal = cancelOnInterrupt(() => service.close());
  let output: OutputFile | null = null;
  try {
    if (json !== undefined && json !== '-') output = await OutputFile.open(json);
    const report = await service.inspect(modelDir, { signal, onProgress: (step) => progress.update(step) });
    progress.clear();
    const text = `${JSON.stringify(report, null, 2)}\n`;
    await output?.write(text);
    await output?.commit();
    output = null;
    await print(json === '-' ? text : drawReport(report, paintFor(process.stdout)));
    return exitCodes.done;
  } catch (error) {
    progress.clear();
    process.stderr.write(`fundus-lens: ${describeError(error)}\n`);
    return exitCodeOf(error);
  } finally {
    await output?.discard();
    await service.close();
  }
}
