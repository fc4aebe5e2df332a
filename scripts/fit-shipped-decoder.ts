/**
 * Fits the decoder that comes with the bundled model:
 *
 *   node scripts/fit-shipped-decoder.ts FUNDUS
 *
 * FUNDUS holds labels.csv and images/ (data/samples/SOURCES.md says where they come from). Photographs that the model's
 * training held back (models/training/pictures/held-back.json) have no part in the fit: they are what it is tested on. Patients are
 * not numbered there: five neighbours of IDRiD are taken for one, CHASE_DB1's two eyes of a number too.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import Papa from 'papaparse';
import packageJson from '#package.json' with { type: 'json' };
import { bundledPath } from '../electron/bundled/bundled-path.ts';
import { writeDecoder } from '../electron/decoder/file/decoder-file.ts';
import { applyDecoder } from '../electron/decoder/file/apply-decoder.ts';
import { fitDecoderInThread } from '../electron/decoder/fit/fit-in-thread.ts';
import { groupByPatient } from '../electron/decoder/layer/patient-groups.ts';
import { estimate, samplePatients } from '../electron/decoder/measure/bootstrap.ts';
import { auroc, rankScores } from '../electron/decoder/measure/metrics.ts';
import { metadataFeatures } from '../electron/decoder/request/metadata.ts';
import { pixelFeatures } from '../electron/decoder/request/pixels.ts';
import type { FeatureSet, FitRequest } from '../electron/decoder/request/request.ts';
import { openModel } from '../electron/engine/index.ts';
import { readSmallPixels } from '../electron/ingest/views/small-pixels.ts';
import type { StoredFeature } from '../electron/store/decoders/taps.ts';
import { featureSets } from '../electron/workbench/decoders/fit-request.ts';
import { toReport } from '../electron/workbench/decoders/fit-work.ts';
import { fieldLabels, learnableFields, type ImageLabels } from '../electron/workbench/decoders/labels.ts';
import { shippedFolder } from '../electron/workbench/decoders/shipped.ts';
import { tapPrompt } from '../electron/workbench/decoders/tap-order.ts';
import { fundusSchema } from '../electron/workbench/protocols/protocol-form.ts';

type Row = Readonly<Record<string, string>>;

const [fundus] = process.argv.slice(2);
if (fundus === undefined) throw new Error('node scripts/fit-shipped-decoder.ts FUNDUS');
/** Images of IDRiD that may show one person. */
const neighbours = 5;

const readTable = async (file: string) =>
  Papa.parse<Row>(await readFile(file, 'utf8'), { header: true, skipEmptyLines: true }).data;
const sha256Of = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
const print = (line: string) => process.stdout.write(`${line}\n`);

const rows = (await readTable(path.join(fundus, 'labels.csv'))).filter(({ kind }) => kind === 'fundus');
const heldBackFile = await readFile(bundledPath('models', 'training', 'pictures', 'held-back.json'), 'utf8');
const heldBack = new Set(
  Object.values((JSON.parse(heldBackFile) as { files: Record<string, string[]> }).files).flat(),
);
const patients = rows.map(patientOf);
// Nobody is on both sides: a held-back photograph takes its neighbours along.
const testPatients = new Set(patients.filter((_, at) => heldBack.has(rows[at]!['file']!)));
const isTest = patients.map((patient) => testPatients.has(patient));

const { read, model } = await tapAll();
const names = rows.map((row) => row['file']!);
const sets = [...featureSets(names, read), metadataSet()];
const train = rows.flatMap((_, at) => (isTest[at]! ? [] : [at]));
const labels = rows.map(labelsOf);
const pick = <T>(list: readonly T[], places: readonly number[]) => places.map((at) => list[at]!);
const request: FitRequest = {
  name: 'Fundus photographs',
  images: pick(names, train),
  patients: pick(patients, train),
  sources: pick(rows, train).map(({ source }) => (source === 'IDRiD' ? 'IDRiD' : 'other cameras')),
  features: sets,
  byLayer: ['vision-output', 'image-mean'],
  fields: learnableFields().flatMap((id) => fieldLabels(id, pick(labels, train)) ?? []),
  origin: {
    modelHash: model.sha256,
    modelName: model.id,
    prompt: tapPrompt,
    imageLimits: { minPixels: 0, maxPixels: 0 },
    softwareVersion: packageJson.version,
    schemaVersion: String(fundusSchema.version),
  },
};
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

/** Features of all photographs at every layer of the bundled model. */
async function tapAll() {
  const lens = await openModel(bundledPath('models', 'demo'));
  const config = JSON.parse(await readFile(bundledPath('models', 'demo', 'config.json'), 'utf8')) as { text_config: { num_hidden_layers: number } }; // prettier-ignore
  const layers = Array.from({ length: config.text_config.num_hidden_layers }, (_, at) => at + 1);
  const all: StoredFeature[][] = [];
  let origin = { id: '', sha256: '' };
  const files = rows.map((row) => path.join(fundus!, 'images', row['file']!));
  for await (const { imagePath, features, error } of lens.tap(files, layers, { prompt: tapPrompt })) {
    if (features === null) throw error;
    origin = features.model;
    const { pixels, width, height } = await readSmallPixels(imagePath);
    const byLayer = (name: string, { data, shape }: typeof features.imageMean) =>
      features.layers.map((layer, at) => ({
        name,
        layer,
        values: data.slice(at * shape[1]!, (at + 1) * shape[1]!),
      }));
    all.push([
      { name: 'pixels', layer: 0, values: pixelFeatures(pixels, width, height) },
      { name: 'vision-output', layer: 0, values: features.visionMean.data },
      ...byLayer('image-mean', features.imageMean),
      ...byLayer('last-position', features.lastPosition),
    ]);
    if (all.length % 50 === 0) print(`${all.length} of ${files.length} photographs`);
  }
  await lens.close();
  return { read: all, model: origin };
}

function metadataSet(): FeatureSet {
  const { values, width } = metadataFeatures([
    { name: 'camera', values: rows.map((row) => row['camera']! || null) },
    { name: 'width', values: rows.map((row) => Number(row['width'])) },
    { name: 'height', values: rows.map((row) => Number(row['height'])) },
  ]);
  return { id: 'metadata', role: 'baseline', images: names, width, layers: [{ layer: 0, values }] };
}

function patientOf({ source = '', file = '' }: Row): string {
  const number = Number(/(\d+)\.\w+$/.exec(file)?.[1] ?? NaN);
  if (source === 'IDRiD') return `${file.replace(/\d+\.\w+$/, '')}${Math.floor((number - 1) / neighbours)}`;
  return source === 'CHASE_DB1' ? file.slice(0, 'chasedb1_01'.length) : file;
}

/**
 * What the sources say of a photograph, on the protocol. Grade 0 is "no abnormalities", grade 1 "microaneurysms only"
 * (ICDR); IDRiD's risk of oedema is the place of hard exudates: none, away from the fovea, within one disc diameter.
 */
function labelsOf({
  eye,
  field,
  dr_grade: grade,
  dme_risk: risk,
  findings = '',
  masks = '',
}: Row): ImageLabels {
  const own: Record<string, string> = {};
  if (eye === 'right' || eye === 'left') own['header.eye'] = eye === 'right' ? 'OD' : 'OS';
  if (field?.startsWith('macula-centred')) own['header.field'] = 'macula';
  if (field?.startsWith('disc-centred')) own['header.field'] = 'disc';
  if (grade) {
    own['conclusion.icdr'] = grade;
    own['conclusion.dr-stage'] = ['none', 'npdr', 'npdr', 'ppdr', 'pdr'][Number(grade)]!;
    if (Number(grade) < 3) own['lesions.microaneurysms'] = grade === '0' ? 'none' : 'present';
    if (Number(grade) < 2) own['lesions.dot-blot-haemorrhages'] = own['lesions.cotton-wool-spots'] = 'none';
  }
  if (risk) {
    own['conclusion.dme-risk'] = risk;
    own['lesions.hard-exudates'] = risk === '0' ? 'none' : 'present';
    own['macula.central-exudation'] = risk === '2' ? 'present' : 'none';
  }
  const drawn = masks.split(' ');
  if (drawn.includes('microaneurysms')) own['lesions.microaneurysms'] = 'present';
  if (drawn.includes('haemorrhages')) own['lesions.dot-blot-haemorrhages'] = 'present';
  if (drawn.includes('hard_exudates')) own['lesions.hard-exudates'] = 'present';
  if (drawn.includes('soft_exudates')) own['lesions.cotton-wool-spots'] = 'present';
  if (findings.includes('glaucoma')) own['conclusion.glaucoma'] = 'present';
  if (findings === 'healthy') own['conclusion.glaucoma'] = 'none';
  return own;
}

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
