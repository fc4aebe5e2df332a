/**
 * Fits decoders on features that models/reference/decoder/extract_features.py took out, and prints what they read:
 *
 *   node bench/decoders/decode-photographs.ts FEATURES.safetensors PICTURES [REPORT.json]
 *
 * PICTURES holds labels.csv and images/. Patients are not numbered there: five neighbours
 * of IDRiD are taken for one, CHASE_DB1's two eyes of a number too.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Estimate } from '../../electron/decoder/measure/bootstrap.ts';
import { fitDecoderInThread } from '../../electron/decoder/fit/fit-in-thread.ts';
import { metadataFeatures } from '../../electron/decoder/request/metadata.ts';
import { pixelFeatures, pixelWidth } from '../../electron/decoder/request/pixels.ts';
import type { FittedFieldReport } from '../../electron/decoder/fit/report.ts';
import type { FeatureSet, FieldLabels } from '../../electron/decoder/request/request.ts';
import { decodeTensors, readFloat32 } from '../../electron/decoder/file/tensor-file.ts';

const [featureFile = '', pictures = '', reportFile] = process.argv.slice(2);
/** Images that may show one person. */
const neighbours = 5;

const { metadata, tensors } = decodeTensors(await readFile(featureFile));
const files = JSON.parse(metadata['files'] ?? '[]') as string[];
const table = parseTable(await readFile(join(pictures, 'labels.csv'), 'utf8'));
const rows = files.flatMap((file, at) => {
  const row = table.find((candidate) => candidate['file'] === file);
  return row?.['kind'] === 'fundus' ? [{ ...row, at }] : [];
}) as ({ at: number } & Record<string, string>)[];
const images = rows.map((row) => row['file']!);
const sources = rows.map((row) => (row['source'] === 'IDRiD' ? 'IDRiD' : 'other cameras'));
let unnumbered = 0;
const patients = rows.map(({ source, file = '' }) => {
  if (source === 'IDRiD') return `IDRiD ${Math.floor(unnumbered++ / neighbours)}`;
  return source === 'CHASE_DB1' ? file.slice(0, 'chasedb1_01'.length) : file;
});

const layerSet = (id: string, tensor: string): FeatureSet => {
  const values = readFloat32(tensors.get(tensor)!);
  const [layers = 0, count = 0, width = 0] = tensors.get(tensor)!.shape;
  return {
    id,
    role: 'layers',
    images: files,
    width,
    layers: Array.from({ length: layers }, (_, layer) => ({
      layer,
      values: values.subarray(layer * count * width, (layer + 1) * count * width),
    })),
  };
};
const baseline = (id: string, width: number, values: Float32Array, names = images): FeatureSet => ({
  id,
  role: 'baseline',
  images: names,
  width,
  layers: [{ layer: 0, values }],
});
const marginSet = (id: string, tensor: string): FeatureSet => ({
  ...layerSet(id, tensor),
  role: 'baseline',
  width: 1,
  layers: layerSet(id, tensor).layers.map(({ layer }) => ({
    layer,
    values: readFloat32(tensors.get(tensor)!).subarray(layer * files.length, (layer + 1) * files.length),
  })),
});
const pixels = new Float32Array(images.length * pixelWidth);
for (const [row, file] of images.entries()) {
  const { data, info } = await sharp(join(pictures, 'images', file))
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  pixels.set(pixelFeatures(data, info.width, info.height), row * pixelWidth);
}
const known = metadataFeatures([
  { name: 'camera', values: rows.map((row) => row['camera']! || null) },
  { name: 'width', values: rows.map((row) => Number(row['width'])) },
  { name: 'height', values: rows.map((row) => Number(row['height'])) },
]);
const visionTensor = tensors.get('vision_output')!;
const label = (name: string, valueOf: (row: Record<string, string>) => number) => ({
  id: name,
  labels: Float64Array.from(rows, valueOf),
});
const grade = (row: Record<string, string>) => (row['dr_grade'] === '' ? NaN : Number(row['dr_grade']));
const fields: FieldLabels[] = [
  {
    ...label('eye', (row) => (row['eye'] === '' ? NaN : row['eye'] === 'right' ? 1 : 0)),
    kind: 'binary',
    values: ['left', 'right'],
  },
  {
    ...label('referable', (row) => (Number.isNaN(grade(row)) ? NaN : Number(grade(row) >= 2))),
    kind: 'binary',
    values: ['no', 'yes'],
  },
  { ...label('dr_grade', grade), kind: 'ordinal', values: ['0', '1', '2', '3', '4'] },
  {
    ...label('dme_risk', (row) => (row['dme_risk'] === '' ? NaN : Number(row['dme_risk']))),
    kind: 'ordinal',
    values: ['0', '1', '2'],
  },
  {
    ...label('disc_x', (row) => (row['disc_x'] === '' ? NaN : Number(row['disc_x']) / Number(row['width']))),
    kind: 'number',
    values: [],
  },
];

const begin = performance.now();
const { report } = await fitDecoderInThread({
  name: 'photographs',
  images,
  patients,
  sources,
  features: [
    layerSet('image-mean', 'image_mean'),
    layerSet('last-position', 'last_position'),
    baseline('vision-output', visionTensor.shape[1]!, readFloat32(visionTensor), files),
    baseline('pixels', pixelWidth, pixels),
    baseline('metadata', known.width, known.values),
    marginSet('answer: right eye', 'margin.right_eye'),
    marginSet('answer: retinopathy', 'margin.retinopathy'),
  ],
  fields,
  origin: {
    modelHash: metadata['checkpoint'] ?? '',
    modelName: metadata['checkpoint'] ?? '',
    prompt: metadata['prompt'] ?? '',
    imageLimits: { minPixels: 0, maxPixels: 0 },
    softwareVersion: '0',
    schemaVersion: '0',
  },
});
const seconds = (performance.now() - begin) / 1000;
if (reportFile !== undefined) await writeFile(reportFile, JSON.stringify({ images, patients, report }));
const lines = [`${images.length} images, fitted in ${seconds.toFixed(1)} s`];
for (const field of report.fields) {
  if (field.status === 'refused') lines.push(`\n${field.field}: refused, ${field.error.found}`);
  else lines.push(...describe(field));
}
process.stdout.write(`${lines.join('\n')}\n`);

function describe({
  field,
  images: count,
  commonest,
  measure,
  chosen,
  curves,
  sourcesLeftOut,
}: FittedFieldReport) {
  return [
    `\n${field}: ${count} images, commonest class ${commonest?.toFixed(3) ?? '–'}; ${measure}`,
    `  chosen: ${chosen.set} layer ${chosen.layer} λ ${chosen.lambda}: ${show(chosen.score)}, shuffled ${show(chosen.shuffled)}`,
    `  folds chose: ${chosen.picks.map((pick) => `${pick.set} ${pick.layer} λ ${pick.lambda} (${pick.folds.length})`).join(', ')}`,
    `  ${Object.entries(chosen.measures)
      .map(([name, value]) => `${name} ${show(value)}`)
      .join('; ')}`,
    ...curves.flatMap(({ set, points }) => [
      `  ${set}`,
      ...points.map(
        ({ layer, lambda, score, shuffled }) =>
          `    ${String(layer).padStart(2)}  ${show(score)}  shuffled ${show(shuffled)}  λ ${lambda}`,
      ),
    ]),
    ...sourcesLeftOut.map(
      ({ source, images: left, refused, scores }) =>
        `  without ${source} (${left}): ${refused ?? scores.map(({ set, role, layer, score }) => `${role === 'decoder' ? 'decoder = ' : ''}${set} ${layer} ${show(score)}`).join('; ')}`,
    ),
  ];
}

function show({ value, low, high }: Estimate): string {
  const digits = (number: number | null) => number?.toFixed(3) ?? '–';
  return `${digits(value)} (${digits(low)} … ${digits(high)})`;
}

/** Comma-separated values with quotes. */
function parseTable(text: string): Record<string, string>[] {
  const [header = [], ...lines] = text
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted ?? plain ?? '',
      ),
    );
  return lines.map((cells) => Object.fromEntries(header.map((name, at) => [name, cells[at] ?? ''])));
}
