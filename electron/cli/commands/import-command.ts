import path from 'node:path';
import type { ImportReport } from '../../contract/imports/imports.ts';
import { OutputFile } from '../../workbench/exports/output-file.ts';
import { exitCodeOf, exitCodes } from '../exit-codes.ts';
import { followTask } from './tasks/follow-tasks.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions } from './library-context.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

export interface ImportCommandOptions extends LibraryOptions {
  readonly manifest?: string | undefined;
  readonly folderRule?: string | undefined;
  /** False with --no-datasets. */
  readonly datasets?: boolean | undefined;
  readonly inPlace?: boolean | undefined;
  readonly tag?: string[] | undefined;
  /** File for the whole report, .csv or .json. */
  readonly report?: string | undefined;
}

const shownFailures = 50;

/** Takes files, folders and archives into a library, and says what became of them. @returns 0, or 2 when files failed or the disk is full */
export function runImport(sources: readonly string[], options: ImportCommandOptions): Promise<number> {
  return withLibrary(options, { create: true }, async (tools) => {
    const { workbench, client } = tools;
    const output = options.report === undefined ? null : await OutputFile.open(options.report);
    try {
      const { importId, taskId } = await client.imports.start({
        paths: sources.map((source) => path.resolve(source)),
        options: {
          storage: options.inPlace === true ? 'in-place' : 'managed',
          manifest: options.manifest === undefined ? null : path.resolve(options.manifest),
          folderRule: options.folderRule ?? 'none',
          tags: options.tag ?? [],
          datasets: options.datasets ?? true,
        },
      });
      await followTask(tools, taskId);
      const report = await workbench.imports.wait(importId);
      await print(describeImport(report));
      if (output !== null) {
        const format = options.report?.toLowerCase().endsWith('.json') === true ? 'json' : 'csv';
        const { file } = await client.imports.exportReport({ id: importId, format });
        if (file !== null) await output.write(new Uint8Array(await file.arrayBuffer()));
        await output.commit();
      }
      return exitCodeOfImport(report, workbench.imports.failure(importId));
    } catch (error) {
      await output?.discard();
      throw error;
    }
  });
}

/**
 * 0 only where everything was looked at and nothing failed.
 *
 * @param failure what ended the import early; undefined when nothing did
 */
export function exitCodeOfImport({ state, counts }: ImportReport, failure: unknown): number {
  if (state === 'cancelled') return exitCodes.cancelled;
  if (failure !== undefined) return exitCodeOf(failure);
  return state === 'done' && counts.failed === 0 ? exitCodes.done : exitCodes.badInput;
}

function describeImport({ id, state, counts, entries }: ImportReport): string {
  const totals = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ');
  const datasets = entries
    .filter(({ reason }) => reason === 'dataset.recognised')
    .map(({ detail }) => `${detail}\n`)
    .join('');
  const problems = entries.filter(({ status }) => status === 'failed' || status === 'conflict');
  const rows = problems
    .slice(0, shownFailures)
    .map(({ path: file, reason, detail }) => [path.basename(file), reason ?? '', detail]);
  const table = rows.length === 0 ? '' : `\n${drawTable(['file', 'reason', 'what is wrong'], rows)}`;
  const more = problems.length > shownFailures ? `… and ${problems.length - shownFailures} more\n` : '';
  return `Import ${id}: ${state}; ${totals === '' ? 'nothing found' : totals}\n${datasets}${table}${more}`;
}
