import path from 'node:path';
import { OutputFile } from '../../workbench/exports/output-file.ts';
import { findModel } from '../../workbench/traces/bundled-defaults.ts';
import { exitCodes } from '../exit-codes.ts';
import { paintFor } from '../terminal/paint.ts';
import { print } from '../terminal/standard-output.ts';
import { withLibrary } from './library-context.ts';
import { drawReport } from './pictures/report-picture.ts';

export interface InspectCommandOptions {
  /** File for the report as JSON; "-" for stdout, which then carries nothing else. */
  readonly json?: string | undefined;
}

/** Tells what a checkpoint folder holds. @returns the exit code */
export async function runInspect(
  modelDir: string | undefined,
  { json }: InspectCommandOptions,
): Promise<number> {
  return withLibrary({}, { create: true, isTemporary: true }, async ({ client, signal }) => {
    const output = json === undefined || json === '-' ? null : await OutputFile.open(path.resolve(json));
    try {
      const report = await client.models.inspect({ folder: findModel(modelDir) }, { signal });
      const text = `${JSON.stringify(report, null, 2)}\n`;
      await output?.write(text);
      await output?.commit();
      await print(json === '-' ? text : drawReport(report, paintFor(process.stdout)));
      return exitCodes.done;
    } catch (error) {
      await output?.discard();
      throw error;
    }
  });
}
