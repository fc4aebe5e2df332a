import type { z } from 'zod';
import packageJson from '#package.json' with { type: 'json' };
import type {
  comparisonExportSchema,
  ExportResult,
  ExportTarget,
  imageExportSchema,
  TableFormat,
  traceExportSchema,
} from '../../../contract/exports.ts';
import { lensTraceToJson } from '../../../engine/lens-trace/to-json.ts';
import type { Library } from '../../../store/library/library.ts';
import { runComparison } from '../../compare/run-comparison.ts';
import type { Services } from '../../services.ts';
import { comparisonTable } from './comparison-table.ts';
import { toCsv } from './csv.ts';
import { deliver } from '../deliver.ts';
import { imageTable } from './image-table.ts';
import { toParquet } from './parquet.ts';
import type { Table } from './table.ts';
import { traceTable } from './trace-tables.ts';
import type { StoredTrace } from './trace-tables.ts';
import { traceWithFidelity } from '../../traces/trace-fidelity.ts';

const software = `fundus-lens ${packageJson.version}`;

/** Traces as a table, or whole as JSON: one as an object, several as a list. */
export function exportTraces(
  library: Library,
  { traceIds, table, format, target }: z.output<typeof traceExportSchema>,
): Promise<ExportResult> {
  if (format === 'json') {
    return deliver(target, 'traces.json', 'application/json', tracesAsJson(library, traceIds));
  }
  const rows = traceTable(table, readTraces(library, traceIds));
  return deliverTable(target, `traces-${table}`, format, rows, { software, traceIds });
}

export async function exportComparison(
  services: Services,
  { compare, format, target }: z.output<typeof comparisonExportSchema>,
  signal?: AbortSignal,
): Promise<ExportResult> {
  const comparison = await runComparison(services, compare, signal);
  if (format === 'json') {
    return deliver(target, 'comparison.json', 'application/json', JSON.stringify(comparison, null, 2));
  }
  const { traces, pairs, warnings } = comparison;
  const provenance = { software, traces, warnings, methods: pairs.map(({ method }) => method) };
  return deliverTable(target, 'comparison', format, comparisonTable(comparison), provenance);
}

export function exportImages(
  library: Library,
  { query, format, deidentify, target }: z.output<typeof imageExportSchema>,
): Promise<ExportResult> {
  const table = imageTable(library, library.search.ids(query), deidentify);
  return deliverTable(target, 'images', format, table, { software, deidentified: deidentify !== null });
}

async function deliverTable(
  target: ExportTarget,
  name: string,
  format: TableFormat,
  table: Table,
  provenance: unknown,
): Promise<ExportResult> {
  if (format === 'csv') return deliver(target, `${name}.csv`, 'text/csv', toCsv(table));
  if (format === 'json') return deliver(target, `${name}.json`, 'application/json', tableAsJson(table));
  const bytes = await toParquet(table, provenance);
  return deliver(target, `${name}.parquet`, 'application/vnd.apache.parquet', bytes);
}

function* readTraces(library: Library, ids: readonly number[]): Generator<StoredTrace> {
  for (const id of ids) {
    yield { id, imageId: library.traces.summary(id).imageId, trace: traceWithFidelity(library, id) };
  }
}

function* tracesAsJson(library: Library, ids: readonly number[]): Generator<string> {
  const single = ids.length === 1;
  if (!single) yield '[\n';
  for (const [index, id] of ids.entries()) {
    const separator = index === ids.length - 1 ? '\n' : ',\n';
    yield `${JSON.stringify(lensTraceToJson(traceWithFidelity(library, id)))}${separator}`;
  }
  if (!single) yield ']\n';
}

function* tableAsJson({ columns, rows }: Table): Generator<string> {
  let separator = '[\n';
  for (const row of rows) {
    yield (
      separator + JSON.stringify(Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])))
    );
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}
