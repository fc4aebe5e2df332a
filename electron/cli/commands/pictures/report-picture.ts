import type { CheckpointReport } from '../../../contract/models/checkpoint-report.ts';
import type { Paint } from '../../terminal/paint.ts';

/** Describes a checkpoint on a terminal of 80 columns. */
export function drawReport(report: CheckpointReport, paint: Paint): string {
  const parameters = Object.values(report.parametersByDtype).reduce((sum, count) => sum + count, 0);
  const dtypes = Object.entries(report.parametersByDtype)
    .sort(([, a], [, b]) => b - a)
    .map(([dtype, count]) => `${dtype} ${showCount(count)}`);
  const facts: readonly (readonly [string, string])[] = [
    ['Family', report.family],
    ['Decoder', `${report.numLayers} layers, ${report.dModel} wide`],
    ['Vocabulary', `${report.vocabSize} rows, ${report.tokenizerSize} of them tokens`],
    ['Unembedding', report.tiedUnembedding ? 'tied to the embedding' : 'its own matrix'],
    ['Parameters', `${showCount(parameters)} (${dtypes.join(', ')})`],
    ['On the disk', showBytes(report.diskBytes)],
    ['Memory', `about ${showBytes(report.memoryBytes)} to trace one image`],
    ['SHA-256', report.sha256],
  ];
  const files = report.files.flatMap(({ name, bytes, sha256 }) => [
    `  ${name}, ${showBytes(bytes)}`,
    `    ${sha256}`,
  ]);
  return [
    paint('bold', report.id),
    ...facts.map(([name, value]) => `${name.padEnd(13)}${value}`),
    paint('bold', 'Files'),
    ...files,
    '',
  ].join('\n');
}

function showCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} billion`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} million`;
  return count.toLocaleString('en');
}

function showBytes(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${Math.ceil(bytes / 1e3)} kB`;
}
