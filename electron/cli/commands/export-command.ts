import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { AnimationFormat, ExportResult, ReportFormat, TableFormat } from '../../contract/exports.ts';
import type { Language } from '../../bundled/prompt-presets.ts';
import { exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions, LibraryTools } from './library-context.ts';
import { print } from '../terminal/standard-output.ts';

export const exportKinds = [
  'traces',
  'comparison',
  'images',
  'hidden-states',
  'study',
  'report',
  'animation',
] as const;
export type ExportKind = (typeof exportKinds)[number];

export interface ExportCommandOptions extends LibraryOptions {
  readonly out: string;
  readonly traces?: number[] | undefined;
  readonly table?: 'cells' | 'concepts' | 'summary' | undefined;
  readonly format?: TableFormat | 'safetensors' | 'npy' | undefined;
  readonly layers?: number[] | undefined;
  readonly positions?: number[] | undefined;
  readonly exact?: boolean | undefined;
  readonly deidentify?: boolean | undefined;
  readonly confirmBurnedInText?: boolean | undefined;
  readonly images: boolean;
  readonly concept?: string | undefined;
  readonly speed: number;
  readonly language: Language;
  readonly overwrite?: boolean | undefined;
}

/** Writes results of a library to a file. @returns the exit code */
export function runExport(kind: ExportKind, options: ExportCommandOptions): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const { path: file, bytes } = await exportOne(kind, options, tools);
    await print(`${file ?? ''}: ${bytes} bytes\n`);
    return exitCodes.done;
  });
}

async function exportOne(
  kind: ExportKind,
  options: ExportCommandOptions,
  { client: { exports, traces }, signal }: LibraryTools,
): Promise<ExportResult> {
  const overwrite = options.overwrite ?? false;
  const target = { to: 'file', path: path.resolve(options.out), overwrite } as const;
  const deidentify = options.deidentify === true ? { confirmBurnedInText: confirm(options) } : null;
  const chosen = async () =>
    options.traces ?? (await traces.list({ limit: 1000 })).map(({ id }) => id).reverse();
  switch (kind) {
    case 'traces':
      return exports.traces({
        traceIds: await chosen(),
        table: options.table ?? 'cells',
        format: tableFormat(options),
        target,
      });
    case 'comparison':
      return exports.comparison(
        {
          compare: { traceIds: options.traces ?? [], exact: options.exact ?? false },
          format: tableFormat(options),
          target,
        },
        { signal },
      );
    case 'images':
      return exports.images({ format: tableFormat(options), deidentify, target });
    case 'hidden-states': {
      if (options.traces === undefined || options.layers === undefined)
        throw missing('--traces ID and --layers 0,14,28');
      const format = options.format === 'npy' ? 'npy' : 'safetensors';
      const positions = options.positions ?? null;
      const { traces: traceIds, layers } = options;
      return exports.hiddenStates({ traceIds, layers, positions, format, target }, { signal });
    }
    case 'study':
      return exports.study({ traceIds: await chosen(), includeImages: options.images, deidentify, target });
    case 'report':
      return exports.report({
        traceIds: await chosen(),
        language: options.language,
        format: formatByName<ReportFormat>(options.out, reportEndings, 'A report is a PDF or a page.'),
        target,
      });
    case 'animation': {
      const format = formatByName<AnimationFormat>(
        options.out,
        animationEndings,
        'An animation is a GIF, a WebP, or a zip of PNG files.',
      );
      const [traceId, ...more] = options.traces ?? [];
      if (traceId === undefined || more.length > 0) throw missing('--traces with the number of one trace');
      return exports.animation(
        {
          traceId,
          format,
          conceptId: options.concept ?? null,
          layersPerSecond: options.speed,
          position: options.positions?.[0] ?? null,
          language: options.language,
          target,
        },
        { signal },
      );
    }
  }
}

/** The ending of the file decides unless a format is named. */
function tableFormat({ format, out }: ExportCommandOptions): TableFormat {
  const wanted = format ?? path.extname(out).slice(1).toLowerCase();
  if (wanted === 'csv' || wanted === 'json' || wanted === 'parquet') return wanted;
  throw missing('--format csv, json or parquet, or a file with such an ending');
}

const reportEndings = { pdf: 'pdf', html: 'html', htm: 'html' } as const;
const animationEndings = { gif: 'gif', webp: 'webp', zip: 'png' } as const;

/** The ending of the file decides, so that its name says what is in it. */
function formatByName<T extends string>(out: string, endings: Readonly<Record<string, T>>, what: string): T {
  const format = endings[path.extname(out).slice(1).toLowerCase()];
  if (format !== undefined) return format;
  throw new FundusLensError('input.invalid', what, {
    expected: `a file name that ends in ${Object.keys(endings)
      .map((ending) => `.${ending}`)
      .join(', ')}`,
    found: path.basename(out),
    advice: 'Name the file so.',
  });
}

function confirm({ confirmBurnedInText }: ExportCommandOptions): true {
  if (confirmBurnedInText === true) return true;
  throw new FundusLensError(
    'input.invalid',
    'Names that are burned into a photograph cannot be found by software.',
    {
      expected: '--confirm-burned-in-text, after a look at every image',
      advice: 'Look at the images, or leave them out with --no-images; then confirm.',
    },
  );
}

function missing(expected: string): FundusLensError {
  return new FundusLensError('input.invalid', 'Something is missing.', { expected, advice: 'Add it.' });
}
