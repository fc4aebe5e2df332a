import type { ProvidersReport } from '../../electron/contract/models/providers.ts';
import type { Deviation } from '../../electron/engine/testing/compare-with-reference.ts';
import type { NotebookMeasurement } from '../engine.ts';
import type { PrepareMeasurement } from '../prepare-process.ts';
import type { TraceMeasurement } from '../trace-process.ts';

export type Precision = 'float32' | 'bfloat16';

/** One run of a model; `failure` says why there is no measurement. */
export interface GpuRun {
  readonly shape: string;
  readonly positions: 'last' | 'all';
  readonly gpuBytes: number | null;
  /** Whether weights were prepared on other cores meanwhile. */
  readonly busy: boolean;
  readonly failure: string | null;
}

export interface OurRun extends GpuRun {
  readonly format: string;
  readonly provider: string;
  readonly measured: TraceMeasurement | null;
}

export interface TransformersRun extends GpuRun {
  readonly dtype: Precision;
  readonly measured: NotebookMeasurement | null;
}

export interface GpuReport {
  readonly began: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly machine: { readonly system: string; readonly cores: number; readonly gpu: string };
  providers: ProvidersReport | null;
  readonly parity: ({
    readonly provider: string;
    readonly checkpoint: string;
    readonly failure?: string;
  } & Partial<Deviation>)[];
  readonly prepared: {
    readonly shape: string;
    readonly format: string;
    readonly measured: PrepareMeasurement;
  }[];
  readonly ours: OurRun[];
  readonly transformers: TransformersRun[];
  /** Steps that failed as a whole, or that no time was left for. */
  readonly notes: string[];
}

/** The same as one page of Markdown. */
export function writeMarkdown(report: GpuReport): string {
  const { machine, providers, parity, prepared, ours, transformers, notes } = report;
  const lines = [
    `# Engine on a GPU, ${report.began}`,
    '',
    `- ${machine.gpu || 'no NVIDIA GPU'}; ${machine.system}; ${machine.cores} cores`,
  ];
  if (providers !== null) {
    lines.push(`- ONNX Runtime ${providers.runtime.version}`);
    for (const { provider, works, device, failure, fusedAttention, blockFailure } of providers.providers)
      lines.push(
        `- ${provider}: ${works ? `works on ${device}` : failure}${works ? `, fused attention ${fusedAttention ? 'right' : 'wrong'}, rounded weights ${blockFailure ?? 'right'}` : ''}`,
      );
  }
  if (parity.length > 0) {
    lines.push(
      '',
      '| parity | provider | residual | lens | text | |',
      '| --- | --- | --- | --- | --- | --- |',
    );
    for (const { checkpoint, provider, residual, lens, sameText, failure } of parity)
      lines.push(
        `| ${checkpoint} | ${provider} | ${residual?.toExponential(1) ?? ''} | ${lens?.toExponential(1) ?? ''} | ${sameText === true ? 'same' : sameText === false ? 'other' : ''} | ${oneLine(failure ?? '')} |`,
      );
  }
  if (prepared.length > 0) {
    lines.push('', '| prepared | seconds | GB written |', '| --- | --- | --- |');
    for (const { shape, format, measured } of prepared)
      lines.push(
        `| ${shape} ${format} | ${measured.seconds.toFixed(1)} | ${gigabytes(measured.weightBytes)} |`,
      );
  }
  lines.push(
    '',
    '| run | positions | load s | trace s | image | vision | decoder | lens | another prompt s | GPU GB | host GB | |',
    `|${' --- |'.repeat(12)}`,
  );
  for (const run of ours) lines.push(ourRow(run));
  for (const run of transformers) lines.push(transformersRow(run));
  for (const { shape, format, provider, positions, measured } of ours) {
    for (const theirs of transformers) {
      if (
        measured === null ||
        theirs.measured === null ||
        theirs.shape !== shape ||
        theirs.positions !== positions
      )
        continue;
      const ratio = (measured.trace / theirs.measured.trace_s).toFixed(2);
      lines.push(
        ...(lines.at(-1)!.startsWith('|') ? [''] : []),
        `- ${shape} ${format} ${provider}, ${positions}: ${ratio} × transformers in ${theirs.dtype}`,
      );
    }
  }
  if (notes.length > 0) lines.push('', ...notes.map((note) => `- ${note}`));
  return `${lines.join('\n')}\n`;
}

function ourRow({ shape, format, provider, positions, measured, gpuBytes, busy, failure }: OurRun): string {
  const label = `${shape} ${format}, ${provider}`;
  if (measured === null) return failedRow(label, positions, failure);
  const { image, vision, decoder, lens } = measured.stages;
  const times = [measured.load, measured.trace, image, vision, decoder, lens, measured.again?.trace ?? null];
  return cells(label, positions, times, gpuBytes, measured.peakBytes, busy);
}

function transformersRow({
  shape,
  dtype,
  positions,
  measured,
  gpuBytes,
  busy,
  failure,
}: TransformersRun): string {
  const label = `${shape} ${dtype}, transformers`;
  if (measured === null) return failedRow(label, positions, failure);
  const { load_s, trace_s, forward_s, lens_s } = measured;
  return cells(
    label,
    positions,
    [load_s, trace_s, null, null, forward_s, lens_s, null],
    gpuBytes,
    measured.peak_rss_bytes,
    busy,
  );
}

function cells(
  label: string,
  positions: string,
  times: readonly (number | null)[],
  gpuBytes: number | null,
  hostBytes: number,
  busy: boolean,
): string {
  const texts = times.map((time) => (time === null ? '' : time.toFixed(3)));
  const memory = [gpuBytes === null ? '' : gigabytes(gpuBytes), gigabytes(hostBytes)];
  return `| ${[label, positions, ...texts, ...memory, busy ? 'beside preparing' : ''].join(' | ')} |`;
}

function failedRow(label: string, positions: string, failure: string | null): string {
  return `| ${label} | ${positions} | ${' | '.repeat(9)} ${oneLine(failure ?? '')} |`;
}

function oneLine(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, ' ⏎ ')
    .replaceAll('|', '\\|')
    .slice(-400);
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(2);
}
