/**
 * Fits the decoder that comes with the bundled model:
 *
 *   node scripts/fit-shipped-decoder.ts FUNDUS
 *
 * FUNDUS holds labels.csv and images/ (data/samples/SOURCES.md says where they come from). Photographs that the model's
 * training held back (models/training/pictures/held-back.json) have no part in the fit: they are what it is tested on. Patients are
 * not numbered there: five neighbours of IDRiD are taken for one, CHASE_DB1's two eyes of a number too.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { bundledPath } from '../electron/bundled/bundled-path.ts';
import { writeDecoder } from '../electron/decoder/file/decoder-file.ts';
import { applyDecoder } from '../electron/decoder/file/apply-decoder.ts';
import { fitDecoderInThread } from '../electron/decoder/fit/fit-in-thread.ts';
import { groupByPatient } from '../electron/decoder/layer/patient-groups.ts';
import { estimate, samplePatients } from '../electron/decoder/measure/bootstrap.ts';
import { auroc, rankScores } from '../electron/decoder/measure/metrics.ts';
import { toReport } from '../electron/workbench/decoders/fit-work.ts';
import { fieldLabels, learnableFields } from '../electron/workbench/decoders/labels.ts';
import { shippedFolder } from '../electron/workbench/decoders/shipped.ts';
import { fundusSchema } from '../electron/workbench/protocols/protocol-form.ts';
import {
  neighbours,
  pick,
  readPhotographs,
  readTable,
  recipe,
  sha256Of,
} from './photographs/fundus-photographs.ts';

const [fundus] = process.argv.slice(2);
if (fundus === undefined) throw new Error('node scripts/fit-shipped-decoder.ts FUNDUS');
const print = (line: string) => process.stdout.write(`${line}\n`);

const photographs = await readPhotographs(fundus, print);
const { rows, names, patients, labels, isTest, sets } = photographs;
const train = rows.flatMap((_, at) => (isTest[at]! ? [] : [at]));
const request = recipe(photographs, train, learnableFields());
const { decoder, report } = await fitDecoderInThread(request);
for (const field of report.fields) {
  if (field.status === 'refused') print(`${field.field}: ${field.error.code}, ${field.error.found}`);
  else {
    const { set, layer, score, shuffled } = field.chosen;
    const pixels = field.curves.find((curve) => curve.set === 'pixels')?.points[0]?.score.value;
    print(`${field.field}: ${field.measure} ${show(score)} at ${set} ${layer}; shuffled ${show(shuffled)}; pixels ${pixels?.toFixed(3) ?? '–'}`); // prettier-ignore
  }
}
const tested = testHeldBack();
for (const { field, score, count } of tested) print(`held back, ${field}: AUROC ${score}, ${count}`);
const told = (language: 'en' | 'ru') =>
  tested.map(({ field, score, count }) => `${titleOf(field)[language]} ${score}, n = ${count}`).join('; ');

const samples = bundledPath('data', 'samples');
const seen = (await readTable(path.join(samples, 'manifest.csv'))).filter(({ tags }) =>
  tags?.includes('in-training'),
);
const images = [
  ...pick(names, train).map((name) => path.join(fundus, 'images', name)),
  ...seen.map(({ file }) => path.join(samples, file!)),
];
await mkdir(shippedFolder, { recursive: true });
const target = path.join(shippedFolder, 'fundus.safetensors');
await writeDecoder(target, {
  decoder,
  card: {
    note: {
      en: `Fitted on ${train.length} photographs of IDRiD, HRF, CHASE_DB1, FIVES and Wikimedia Commons. IDRiD names no patients: ${neighbours} photographs with neighbouring numbers stand for one. The model was trained on many of them, so scores on patients left out are those of the decoder, not of the model. AUROC on ${rows.length - train.length} photographs that neither has seen: ${told('en')}. Healthy is what the sources graded so; nothing here was read by a second observer. For looking into this model; not a device, and not for another camera.`,
      ru: `Обучен на ${train.length} снимках IDRiD, HRF, CHASE_DB1, FIVES и Wikimedia Commons. В IDRiD пациенты не указаны: за одного приняты ${neighbours} снимков с соседними номерами. Многие снимки были в обучении самой модели, поэтому оценки по исключённым пациентам относятся к декодеру, а не к модели. AUROC на ${rows.length - train.length} снимках, которых не видели ни модель, ни декодер: ${told('ru')}. «Нет находки» — то, что указано в источнике; второй наблюдатель снимки не смотрел. Предназначен для изучения этой модели; не медицинское изделие и не для других камер.`,
    },
    createdAt: new Date().toISOString(),
    images: await Promise.all(images.map(sha256Of)),
    report: toReport(report),
  },
});
print(target);

/** AUROC of the finished decoder on photographs that neither it nor the model has seen. */
function testHeldBack(): { field: string; score: string; count: number }[] {
  const test = rows.flatMap((_, at) => (isTest[at]! ? [at] : []));
  const answers = applyDecoder(decoder, {
    images: pick(names, test),
    features: sets,
    origin: request.origin,
  });
  return decoder.heads.flatMap(({ field, kind, values }, place) => {
    const truth = fieldLabels(field, pick(labels, test));
    if (kind !== 'binary' || truth === null) return [];
    const known = [...truth.labels.keys()].filter((at) => !Number.isNaN(truth.labels[at]!));
    const groups = groupByPatient(pick(patients, test), known);
    const positive = Float64Array.from(groups.rows, (at) =>
      Number(truth.values[truth.labels[at]!] === values[1]),
    );
    const ranking = rankScores(
      Float64Array.from(groups.rows, (at) => answers[at]![place]!.probabilities[1]!.probability),
    );
    const score = estimate(
      (weights) => auroc(ranking, positive, weights),
      samplePatients(groups.starts, 1000, 1),
    );
    return score.value === null ? [] : [{ field, score: show(score), count: known.length }];
  });
}

/** A field as a person reads it. */
function titleOf(id: string): { readonly en: string; readonly ru: string } {
  const derived = {
    'derived.referable': { en: 'Referable diabetic retinopathy', ru: 'ДР, требующая направления' },
    'derived.retinopathy': { en: 'Any diabetic retinopathy', ru: 'Любая ДР' },
  }[id];
  const field = fundusSchema.groups.flatMap(({ fields }) => fields).find((each) => each.id === id);
  return derived ?? field?.title ?? { en: id, ru: id };
}

function show({
  value,
  low,
  high,
}: {
  value: number | null;
  low: number | null;
  high: number | null;
}): string {
  const digits = (number: number | null) => number?.toFixed(2) ?? '–';
  return `${digits(value)} (${digits(low)}–${digits(high)})`;
}
