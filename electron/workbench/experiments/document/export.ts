import packageJson from '#package.json' with { type: 'json' };
import type { ExperimentFileFormat } from '../../../contract/experiments.ts';
import type { ExportResult, ExportTarget } from '../../../contract/exports.ts';
import { rasterise } from '../../../ingest/views/rasterise.ts';
import type { StoredExperiment } from '../../../store/experiments/experiments.ts';
import type { Library } from '../../../store/library/library.ts';
import { toCsv } from '../../exports/tables/csv.ts';
import { deliver } from '../../exports/deliver.ts';
import { toParquet } from '../../exports/tables/parquet.ts';
import { studyEntries } from '../../exports/study/study-bundle.ts';
import { toZip } from '../../exports/zip.ts';
import type { ZipEntry } from '../../exports/zip.ts';
import { findCells } from '../plan/cells.ts';
import { composeDocument } from './document.ts';
import { writeExperiment } from '../plan/experiment-yaml.ts';
import { drawFigures } from './figures.ts';
import { experimentPage } from './page.ts';
import { experimentPdf } from './pdf.ts';
import { fileOf } from '../plan/plan.ts';
import { readResults } from '../results/results.ts';
import { experimentTable } from './table.ts';

interface Wanted {
  readonly format: ExperimentFileFormat;
  readonly language: 'en' | 'ru';
  readonly includeImages: boolean;
  readonly target: ExportTarget;
}

/** The results in one file: page, PDF, table, numbers, the experiment itself, or all of them with its traces. */
export async function exportExperiment(
  library: Library,
  stored: StoredExperiment,
  { format, language, includeImages, target }: Wanted,
): Promise<ExportResult> {
  const name = (ending: string) => `experiment-${stored.planSha256.slice(0, 8)}.${ending}`;
  const document = async () => composeDocument(await readResults(library, stored), language);
  switch (format) {
    case 'html':
      return deliver(target, name('html'), 'text/html', experimentPage(await document()));
    case 'pdf':
      return deliver(target, name('pdf'), 'application/pdf', await experimentPdf(await document()));
    case 'csv':
      return deliver(target, name('csv'), 'text/csv', toCsv(experimentTable(library, stored)));
    case 'parquet':
      return deliver(
        target,
        name('parquet'),
        'application/vnd.apache.parquet',
        await packTable(library, stored),
      );
    case 'json':
      return deliver(target, name('json'), 'application/json', await asJson(library, stored));
    case 'yaml':
      return deliver(target, name('yaml'), 'application/yaml', writeExperiment(fileOf(library, stored)));
    case 'zip':
      return deliver(
        target,
        name('zip'),
        'application/zip',
        toZip(zipEntries(library, stored, language, includeImages)),
      );
  }
}

async function* zipEntries(
  library: Library,
  stored: StoredExperiment,
  language: 'en' | 'ru',
  includeImages: boolean,
): AsyncGenerator<ZipEntry> {
  const results = await readResults(library, stored);
  const document = composeDocument(results, language);
  const own: (ZipEntry & { readonly content: string | Uint8Array })[] = [
    { name: 'experiment.yaml', content: writeExperiment(fileOf(library, stored)) },
    { name: 'results.json', content: `${JSON.stringify(results, null, 2)}\n` },
    { name: 'results.html', content: experimentPage(document) },
    { name: 'results.pdf', content: await experimentPdf(document) },
    { name: 'results.parquet', content: await packTable(library, stored) },
  ];
  for (const { name, svg } of drawFigures(results, language))
    own.push(
      { name: `figures/${name}.svg`, content: svg },
      { name: `figures/${name}.png`, content: await rasterise(svg) },
    );
  const traceIds = findCells(library, stored).flatMap(({ traceId }) => traceId ?? []);
  yield* studyEntries(library, { traceIds, includeImages, deidentify: null, title: stored.title }, own);
}

function packTable(library: Library, stored: StoredExperiment): Promise<Uint8Array> {
  const { planSha256, createdAt, plan } = stored;
  const software = `fundus-lens ${packageJson.version}`;
  return toParquet(experimentTable(library, stored), {
    software,
    planSha256,
    fixedAt: createdAt,
    plan: JSON.parse(plan) as unknown,
  });
}

async function asJson(library: Library, stored: StoredExperiment): Promise<string> {
  return `${JSON.stringify(await readResults(library, stored), null, 2)}\n`;
}
