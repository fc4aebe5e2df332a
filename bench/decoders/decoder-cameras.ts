/**
 * What the bundled decoder's recipe reads of cameras that it was not fitted on:
 *
 *   node bench/decoders/decoder-cameras.ts FUNDUS OUT
 *
 * FUNDUS holds labels.csv and images/. OUT gets features.safetensors and report.json, which
 * models/reference/decoder/compare_cameras.py does again with scikit-learn.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readDecoder } from '../../electron/decoder/file/decoder-file.ts';
import { encodeTensors, type RawTensor } from '../../electron/decoder/file/tensor-file.ts';
import { fitDecoderInThread } from '../../electron/decoder/fit/fit-in-thread.ts';
import type { FittedFieldReport } from '../../electron/decoder/fit/report.ts';
import type { Estimate } from '../../electron/decoder/measure/bootstrap.ts';
import type { FeatureSet } from '../../electron/decoder/request/request.ts';
import { readPhotographs, recipe, type Row } from '../../scripts/photographs/fundus-photographs.ts';
import { shippedFolder } from '../../electron/workbench/decoders/shipped.ts';

const [fundus, out] = process.argv.slice(2);
if (fundus === undefined || out === undefined)
  throw new Error('node bench/decoders/decoder-cameras.ts FUNDUS OUT');
const print = (line: string) => process.stdout.write(`${line}\n`);
const fields = ['header.eye', 'derived.referable'];

const photographs = await readPhotographs(fundus, print);
const { rows, names, patients, isTest, sets, model } = photographs;
const everywhere = [...rows.keys()];
const camera = ({ source = '' }: Row) => source;
const orders = {
  /** As the decoder that is shipped was fitted. */
  shipped: recipe(
    photographs,
    everywhere.filter((at) => !isTest[at]!),
    fields,
  ),
  /** All photographs, IDRiD against the other cameras. */
  idrid: recipe(photographs, everywhere, fields),
  /** All photographs, each camera left out in turn. */
  cameras: recipe(photographs, everywhere, fields, camera),
};
print(`${names.length} photographs, checkpoint ${model.sha256}`);
const fits = [];
for (const [name, request] of Object.entries(orders)) {
  const { decoder, report } = await fitDecoderInThread(request);
  const fitted = report.fields.filter(({ status }) => status === 'fitted') as FittedFieldReport[];
  for (const field of fitted) describe(name, field);
  const labels = Object.fromEntries(request.fields.map((each) => [each.id, [...each.labels].map((value) => (Number.isNaN(value) ? null : value))])); // prettier-ignore
  const { images, patients: own, sources } = request;
  const heads = decoder.heads.map(({ field, set, layer, lambda }) => ({ field, set, layer, lambda }));
  fits.push({ name, images, patients: own, sources, labels, heads, fields: fitted });
}
const shippedFile = path.join(shippedFolder, 'fundus.safetensors');
const { decoder: shipped } = await readDecoder(shippedFile);
const isSame = shipped.origin.modelHash === model.sha256;
print(
  isSame
    ? `the shipped decoder is of this checkpoint: ${shipped.heads
        .filter(({ field }) => fields.includes(field))
        .map(({ field, set, layer, lambda }) => `${field} at ${set} ${layer}, λ ${lambda}`)
        .join('; ')}`
    : `the shipped decoder is of another checkpoint, ${shipped.origin.modelHash}: fit it again first`,
);
await mkdir(out, { recursive: true });
await writeFile(
  path.join(out, 'report.json'),
  JSON.stringify({ checkpoint: model.sha256, patients: new Set(patients).size, fits }),
);
await writeFile(
  path.join(out, 'features.safetensors'),
  encodeTensors({
    metadata: {
      files: JSON.stringify(names),
      layers: JSON.stringify(Object.fromEntries(sets.map(({ id, layers }) => [id, layers.map(({ layer }) => layer)]))), // prettier-ignore
    },
    tensors: new Map(sets.map((set) => [set.id, stack(set)])),
  }),
);

/** float32 [layers, N, width] */
function stack({ layers, width }: FeatureSet): RawTensor {
  const values = new Float32Array(layers.length * names.length * width);
  layers.forEach(({ values: own }, at) => values.set(own, at * names.length * width));
  return {
    dtype: 'F32',
    shape: [layers.length, names.length, width],
    bytes: new Uint8Array(values.buffer),
  };
}

function describe(name: string, { field, chosen, curves, sourcesLeftOut, images }: FittedFieldReport): void {
  const pixels = curves.find(({ set }) => set === 'pixels')!.points[0]!;
  print(
    `${name}, ${field}, ${images} photographs: ${show(chosen.score)} at ${chosen.set} ${chosen.layer}; shuffled ${show(chosen.shuffled)}; pixels ${show(pixels.score)}`,
  );
  for (const { source, images: count, refused, scores } of sourcesLeftOut) {
    const said = scores.map(
      ({ set, role, layer, score }) =>
        `${role === 'decoder' ? 'decoder = ' : ''}${set} ${layer} ${show(score)}`,
    );
    print(`  without ${source} (${count}): ${refused ?? said.join('; ')}`);
  }
}

function show({ value, low, high }: Estimate): string {
  const digits = (number: number | null) => number?.toFixed(3) ?? '–';
  return `${digits(value)} (${digits(low)}–${digits(high)})`;
}
