/**
 * Photographs with what their sources say of them, and their features in the bundled model.
 *
 * Patients are not numbered in the table: five neighbours of IDRiD are taken for one, CHASE_DB1's two eyes of a number too.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import Papa from 'papaparse';
import packageJson from '#package.json' with { type: 'json' };
import { bundledPath } from '../../electron/bundled/bundled-path.ts';
import { metadataFeatures } from '../../electron/decoder/request/metadata.ts';
import { pixelFeatures } from '../../electron/decoder/request/pixels.ts';
import type { FeatureSet, FitRequest } from '../../electron/decoder/request/request.ts';
import { openModel } from '../../electron/engine/index.ts';
import { readSmallPixels } from '../../electron/ingest/views/small-pixels.ts';
import type { StoredFeature } from '../../electron/store/decoders/taps.ts';
import { featureSets } from '../../electron/workbench/decoders/fit-request.ts';
import { fieldLabels, type ImageLabels } from '../../electron/workbench/decoders/labels.ts';
import { tapPrompt } from '../../electron/workbench/decoders/tap-order.ts';
import { fundusSchema } from '../../electron/workbench/protocols/protocol-form.ts';

export type Row = Readonly<Record<string, string>>;

/** Images of IDRiD that may show one person. */
export const neighbours = 5;

export interface FundusPhotographs {
  readonly rows: readonly Row[];
  /** Names of the files, [N]. */
  readonly names: readonly string[];
  readonly patients: readonly string[];
  readonly labels: readonly ImageLabels[];
  /** Whether the model's training held a photograph back, or one of the same person. */
  readonly isTest: readonly boolean[];
  readonly sets: readonly FeatureSet[];
  readonly model: { readonly id: string; readonly sha256: string };
}

export const readTable = async (file: string): Promise<Row[]> =>
  Papa.parse<Row>(await readFile(file, 'utf8'), { header: true, skipEmptyLines: true }).data;

export const sha256Of = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

export const pick = <T>(list: readonly T[], places: readonly number[]): T[] => places.map((at) => list[at]!);

/** Reads labels.csv and images/ of a folder, and takes the features of all photographs out at every layer. */
export async function readPhotographs(
  fundus: string,
  print: (line: string) => void,
): Promise<FundusPhotographs> {
  const rows = (await readTable(path.join(fundus, 'labels.csv'))).filter(({ kind }) => kind === 'fundus');
  const heldBackFile = await readFile(
    bundledPath('models', 'training', 'pictures', 'held-back.json'),
    'utf8',
  );
  const heldBack = new Set(
    Object.values((JSON.parse(heldBackFile) as { files: Record<string, string[]> }).files).flat(),
  );
  const patients = rows.map(patientOf);
  // Nobody is on both sides: a held-back photograph takes its neighbours along.
  const testPatients = new Set(patients.filter((_, at) => heldBack.has(rows[at]!['file']!)));
  const names = rows.map((row) => row['file']!);
  const { read, model } = await tapAll(
    names.map((name) => path.join(fundus, 'images', name)),
    print,
  );
  return {
    rows,
    names,
    patients,
    labels: rows.map(labelsOf),
    isTest: patients.map((patient) => testPatients.has(patient)),
    sets: [...featureSets(names, read), metadataSet(rows, names)],
    model,
  };
}

const sourceOrOthers = ({ source }: Row) => (source === 'IDRiD' ? 'IDRiD' : 'other cameras');

/** How the decoder that comes with the bundled model is fitted, on the photographs of these places. */
export function recipe(
  { rows, names, patients, labels, sets, model }: FundusPhotographs,
  places: readonly number[],
  fields: readonly string[],
  sourceOf: (row: Row) => string = sourceOrOthers,
): FitRequest {
  return {
    name: 'Fundus photographs',
    images: pick(names, places),
    patients: pick(patients, places),
    sources: pick(rows, places).map(sourceOf),
    features: sets,
    byLayer: ['vision-output', 'image-mean'],
    fields: fields.flatMap((id) => fieldLabels(id, pick(labels, places)) ?? []),
    origin: {
      modelHash: model.sha256,
      modelName: model.id,
      prompt: tapPrompt,
      imageLimits: { minPixels: 0, maxPixels: 0 },
      softwareVersion: packageJson.version,
      schemaVersion: String(fundusSchema.version),
    },
  };
}

/** Features of all photographs at every layer of the bundled model. */
async function tapAll(files: readonly string[], print: (line: string) => void) {
  const lens = await openModel(bundledPath('models', 'demo'));
  const config = JSON.parse(await readFile(bundledPath('models', 'demo', 'config.json'), 'utf8')) as { text_config: { num_hidden_layers: number } }; // prettier-ignore
  const layers = Array.from({ length: config.text_config.num_hidden_layers }, (_, at) => at + 1);
  const all: StoredFeature[][] = [];
  let origin = { id: '', sha256: '' };
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

function metadataSet(rows: readonly Row[], names: readonly string[]): FeatureSet {
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
