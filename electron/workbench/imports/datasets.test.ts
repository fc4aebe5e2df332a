import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImportChoices, ImportReport } from '../../contract/imports/imports.ts';
import type { ImageDetail } from '../../contract/images/images.ts';
import type { Workbench } from '../open-workbench.ts';
import { fixtureModel, WorkbenchFixture } from '../workbench-fixture.ts';

const [width, height] = [40, 32];
let fixture: WorkbenchFixture;
let workbench: Workbench;
let written = 0;

beforeEach(async () => {
  fixture = new WorkbenchFixture();
  workbench = await fixture.open();
}, 60_000);
afterEach(() => fixture.remove());

/** Pixels of their own for every photograph, so that none repeats another. */
function photograph(): Sharp {
  written++;
  // Steps that are wide enough to outlive JPEG.
  const background = { r: (written * 37) % 256, g: (written * 91) % 256, b: (written * 151) % 256 };
  return sharp({ create: { width, height, channels: 3, background } });
}

/** A mask with one marked rectangle of 10 × 6 pixels. */
function mask(size = { width, height }): Sharp {
  const marked = { create: { width: 10, height: 6, channels: 3, background: '#f00' } } as const;
  return sharp({ create: { ...size, channels: 3, background: '#000' } }).composite([
    { input: marked, left: 4, top: 5 },
  ]);
}

/** Writes a folder in a data set's layout: texts as they are, pictures in the format that their names say. */
async function writeFolder(name: string, files: Readonly<Record<string, string | Sharp>>): Promise<string> {
  const folder = path.join(fixture.folder, name);
  for (const [relative, content] of Object.entries(files)) {
    const file = path.join(folder, relative);
    mkdirSync(path.dirname(file), { recursive: true });
    if (typeof content === 'string') writeFileSync(file, content);
    else if (/\.tif$/i.test(file)) writeFileSync(file, await content.tiff({ compression: 'lzw' }).toBuffer());
    else if (/\.png$/i.test(file)) writeFileSync(file, await content.png().toBuffer());
    else writeFileSync(file, await content.jpeg().toBuffer());
  }
  return folder;
}

async function importFrom(folder: string, options: Partial<ImportChoices> = {}): Promise<ImportReport> {
  const { importId } = await workbench.client.imports.start({ paths: [folder], options });
  return workbench.imports.wait(importId);
}

/** What the library says of every photograph, in the order of file names. */
async function everyImage(): Promise<ImageDetail[]> {
  const ids = await workbench.client.images.ids({ query: { sort: 'name' } });
  return Promise.all(ids.map((id) => workbench.client.images.get({ id })));
}

/** Values of the protocol that a data set's observer has for an image. */
async function labelsOf(imageId: number): Promise<Record<string, unknown>> {
  const [version] = await workbench.client.protocols.list({ imageId });
  if (version === undefined) return {};
  const { protocol } = await workbench.client.protocols.get({ id: version.id });
  return Object.fromEntries(Object.entries(protocol.values).map(([field, { value }]) => [field, value]));
}

/** What a decoder could learn from: images by value for each field. */
async function learnable(): Promise<Record<string, Record<string, number>>> {
  const { id: modelId } = await workbench.client.models.addFolder({ folder: fixtureModel });
  const { fields } = await workbench.client.decoders.preview({ modelId, images: { filter: {} } });
  return Object.fromEntries(
    fields.map(({ field, counts }) => [
      field,
      Object.fromEntries(counts.map(({ value, images }) => [value, images])),
    ]),
  );
}

const grading = 'B. Disease Grading';
const segmentation = 'A. Segmentation';
const truths = `${segmentation}/2. All Segmentation Groundtruths/a. Training Set`;

function idridFiles(): Record<string, string | Sharp> {
  return {
    [`${grading}/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv`]:
      'Image name,Retinopathy grade,Risk of macular edema ,,,\r\nIDRiD_001,3,2,,,\r\nIDRiD_002,9,0,,,\r\nIDRiD_003,0,0,,,\r\n',
    [`${grading}/1. Original Images/a. Training Set/IDRiD_001.jpg`]: photograph(),
    [`${grading}/1. Original Images/a. Training Set/IDRiD_002.jpg`]: photograph(),
    [`${grading}/1. Original Images/a. Training Set/IDRiD_003.jpg`]: photograph(),
    [`${segmentation}/1. Original Images/a. Training Set/IDRiD_01.jpg`]: photograph(),
    [`${truths}/3. Hard Exudates/IDRiD_01_EX.tif`]: mask(),
  };
}

it('IDRiD: grades, masks and terms; a bad row is listed and ends nothing', async () => {
  const report = await importFrom(await writeFolder('IDRiD', idridFiles()));
  expect(report).toMatchObject({ state: 'done', counts: { added: 4, failed: 1 } });
  const reasons = report.entries.map(({ reason }) => reason);
  expect(reasons).toEqual(expect.arrayContaining(['dataset.recognised', 'dataset.table', 'dataset.mask']));
  const bad = report.entries.find(({ status }) => status === 'failed')!;
  expect(bad.reason).toBe('dataset.bad-row');
  expect(bad.detail).toContain('line 3');
  expect(bad.detail).toContain('found 9');

  const [first, second, third, marked] = (await everyImage()).toSorted((a, b) =>
    a.image.fileName.localeCompare(b.image.fileName, 'en', { numeric: false }),
  );
  expect([first, second, third, marked].map((each) => each!.image.fileName)).toEqual([
    'IDRiD_001.jpg',
    'IDRiD_002.jpg',
    'IDRiD_003.jpg',
    'IDRiD_01.jpg',
  ]);
  for (const { origins } of [first!, second!, third!, marked!])
    expect(origins).toMatchObject([{ id: 'idrid', licence: 'CC BY 4.0' }]);
  expect(first!.origins[0]).toMatchObject({ split: 'train' });
  expect(await labelsOf(first!.image.id)).toEqual({ 'conclusion.icdr': '3', 'conclusion.dme-risk': '2' });
  expect(await labelsOf(second!.image.id)).toEqual({});
  expect(marked!.regions).toMatchObject([{ of: 'lesions.hard-exudates', author: 'IDRiD', shape: null }]);
  const png = await workbench.client.images.regionMask({ id: marked!.regions[0]!.id });
  const { data, info } = await sharp(Buffer.from(await png!.arrayBuffer()))
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([width, height]);
  expect(data.filter((value) => value === 255)).toHaveLength(60);
  expect(data[5 * width + 4]).toBe(255);
  expect(data[4 * width + 4]).toBe(0);
  expect(await learnable()).toMatchObject({ 'conclusion.icdr': { 0: 1, 3: 1 } });
}, 60_000);

it('imported again nothing is doubled, and what a person has corrected stays', async () => {
  const folder = await writeFolder('IDRiD', idridFiles());
  await importFrom(folder);
  const before = await everyImage();
  const { id: imageId } = before.find(({ image }) => image.fileName === 'IDRiD_001.jpg')!.image;
  const { client } = workbench;
  const [version] = await client.protocols.list({ imageId });
  const { protocol } = await client.protocols.get({ id: version!.id });
  const values = {
    ...protocol.values,
    'conclusion.icdr': { ...protocol.values['conclusion.icdr']!, value: '2', source: 'manual' as const },
  };
  await client.protocols.save({ imageId, observer: version!.observer, values, basedOn: version!.version });

  expect(await importFrom(folder)).toMatchObject({ state: 'done', counts: { added: 0 } });
  const after = await everyImage();
  expect(after.map(({ regions }) => regions.length)).toEqual(before.map(({ regions }) => regions.length));
  expect(after.map(({ tags }) => tags.length)).toEqual(before.map(({ tags }) => tags.length));
  expect(await labelsOf(imageId)).toEqual({ 'conclusion.icdr': '2', 'conclusion.dme-risk': '2' });
}, 60_000);

it('a mask of another size is told, and the other photographs are taken in', async () => {
  const files = {
    ...idridFiles(),
    [`${truths}/3. Hard Exudates/IDRiD_01_EX.tif`]: mask({ width: 80, height: 64 }),
  };
  const { state, counts, entries } = await importFrom(await writeFolder('IDRiD', files));
  expect({ state, counts }).toMatchObject({ state: 'done', counts: { added: 3, failed: 2 } });
  expect(entries.some(({ detail }) => detail.includes('80 × 64') && detail.includes('40 × 32'))).toBe(true);
}, 60_000);

it('with data sets left out, a folder is an ordinary one', async () => {
  const { counts } = await importFrom(await writeFolder('IDRiD', idridFiles()), { datasets: false });
  expect(counts.added).toBe(5);
  const all = await everyImage();
  expect(all.flatMap(({ origins, regions }) => [...origins, ...regions])).toEqual([]);
}, 60_000);

const odirHeader =
  'ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,Right-Diagnostic Keywords,N,D,G,C,A,H,M,O\n';
const brsetHeader = 'image_id,patient_id,camera,patient_age,patient_sex,exam_eye,DR_ICDR,macular_edema,drusens,amd,increased_cup_disc,hemorrhage,quality\n'; // prettier-ignore
const circle = (radius: number) =>
  Array.from({ length: 40 }, (_, at) => {
    const angle = (2 * Math.PI * at) / 40;
    return `${(20 + radius * Math.cos(angle)).toFixed(3)} ${(16 + radius * Math.sin(angle)).toFixed(3)}`;
  }).join('\n');
const contours = 'ExpertsSegmentations/Contours';

interface Layout {
  readonly name: string;
  readonly id: string;
  readonly licence: string;
  readonly files: () => Readonly<Record<string, string | Sharp>>;
  /** For each photograph in the order of names: patient, eye, and a field with its value. */
  readonly expected: readonly (readonly [patient: string | null, eye: string, labels: object])[];
}

const layouts: readonly Layout[] = [
  {
    name: 'APTOS 2019',
    id: 'aptos-2019',
    licence: 'Kaggle',
    files: () => ({
      'train.csv': 'id_code,diagnosis\n000c1434d8d7,2\n001639a390f0,4\n',
      'train_images/000c1434d8d7.png': photograph(),
      'train_images/001639a390f0.png': photograph(),
    }),
    expected: [
      [null, 'unknown', { 'conclusion.icdr': '2' }],
      [null, 'unknown', { 'conclusion.icdr': '4' }],
    ],
  },
  {
    name: 'Messidor-2',
    id: 'messidor-2',
    licence: '',
    files: () => ({
      'messidor_data.csv':
        'image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable\n20051020_43808_0100_PP.png,2,1,1\nIM000002.jpg,,,0\n',
      'IMAGES/20051020_43808_0100_PP.png': photograph(),
      'IMAGES/IM000002.JPG': photograph(),
    }),
    expected: [
      [null, 'unknown', { 'conclusion.icdr': '2', 'macula.central-exudation': 'present' }],
      [null, 'unknown', { 'header.quality': 'ungradable' }],
    ],
  },
  {
    name: 'DDR',
    id: 'ddr',
    licence: '',
    files: () => ({
      'DR_grading/train.txt': '007-0004-000.jpg 1\r\n007-0007-000.jpg 5\r\n',
      'DR_grading/train/007-0004-000.jpg': photograph(),
      'DR_grading/train/007-0007-000.jpg': photograph(),
    }),
    expected: [
      [null, 'unknown', { 'conclusion.icdr': '1' }],
      [null, 'unknown', { 'header.quality': 'ungradable' }],
    ],
  },
  {
    name: 'RFMiD',
    id: 'rfmid',
    licence: 'CC BY 4.0',
    files: () => ({
      'Training_Set/RFMiD_Training_Labels.csv':
        'ID,Disease_Risk,DR,ARMD,DN,CWS,ODC\n1,1,1,0,0,1,0\n2,0,0,0,0,0,0\n',
      'Training_Set/Training/1.png': photograph(),
      'Training_Set/Training/2.png': photograph(),
    }),
    expected: [
      [null, 'unknown', { 'lesions.cotton-wool-spots': 'present' }],
      [null, 'unknown', { 'conclusion.icdr': '0' }],
    ],
  },
  {
    name: 'ODIR-5K',
    id: 'odir-5k',
    licence: 'not to be passed on',
    files: () => ({
      'full_df.csv': `${odirHeader}7,69,Female,7_left.jpg,7_right.jpg,drusen,normal fundus,0,0,0,0,0,0,0,1\n`,
      'ODIR-5K/Training Images/7_left.jpg': photograph(),
      'ODIR-5K/Training Images/7_right.jpg': photograph(),
      'preprocessed_images/7_left.jpg': photograph(),
    }),
    expected: [
      ['ODIR-5K 7', 'L', { 'macula.drusen': 'present' }],
      ['ODIR-5K 7', 'R', { 'conclusion.icdr': '0' }],
    ],
  },
  {
    name: 'BRSET',
    id: 'brset',
    licence: 'PhysioNet',
    files: () => ({
      'labels.csv': `${brsetHeader}img00001,7,Canon CR,48,1,1,3,1,0,0,0,1,Adequate\nimg00002,7,Canon CR,48,1,2,0,0,1,0,0,0,Adequate\n`,
      'fundus_photos/img00001.jpg': photograph(),
      'fundus_photos/img00002.jpg': photograph(),
    }),
    expected: [
      ['BRSET 7', 'R', { 'conclusion.icdr': '3' }],
      ['BRSET 7', 'L', { 'macula.drusen': 'present' }],
    ],
  },
  {
    name: 'PAPILA',
    id: 'papila',
    licence: 'CC BY 4.0',
    files: () => ({
      'FundusImages/RET002OD.jpg': photograph(),
      'FundusImages/RET002OS.jpg': photograph(),
      [`${contours}/RET002OD_disc_exp1.txt`]: circle(12),
      [`${contours}/RET002OD_cup_exp1.txt`]: circle(6),
      // The same photograph once more, with the outlines drawn on it.
      'ExpertsSegmentations/ImagesWithContours/RET002OD.jpg': photograph(),
      'ClinicalData/patient_data_od.csv': 'ID,Age,Gender,Diagnosis\n#002,47,0,1\n',
      'ClinicalData/patient_data_os.csv': 'ID,Age,Gender,Diagnosis\n#002,47,0,0\n',
    }),
    expected: [
      ['PAPILA RET002', 'R', { 'conclusion.glaucoma': 'present', 'disc.cup-disc-ratio': 0.5 }],
      ['PAPILA RET002', 'L', { 'conclusion.glaucoma': 'none' }],
    ],
  },
];

it.each(layouts)(
  '$name: patients, eyes, labels that a decoder can learn from, and terms',
  async ({ name, id, licence, files, expected }) => {
    const report = await importFrom(await writeFolder(name, files()));
    expect(report).toMatchObject({ state: 'done', counts: { added: expected.length, failed: 0 } });
    const all = await everyImage();
    const seen = await Promise.all(
      all.map(async ({ image, patient }) => [
        patient?.code ?? null,
        image.laterality,
        await labelsOf(image.id),
      ]),
    );
    expect(seen).toMatchObject(expected);
    for (const { origins } of all) {
      expect(origins).toMatchObject([{ id }]);
      expect(origins[0]!.licence).toContain(licence);
      expect(origins[0]!.citation).not.toBe('');
    }
    const fields = await learnable();
    for (const [, , labels] of expected) {
      for (const field of Object.keys(labels)) expect(fields).toHaveProperty([field]);
    }
  },
  60_000,
);

it('PAPILA: outlines of each expert are kept as drawn', async () => {
  const { files } = layouts.at(-1)!;
  await importFrom(await writeFolder('PAPILA', files()));
  const [right] = await everyImage();
  expect(right!.regions.map(({ of, author }) => [of, author]).sort()).toEqual([
    ['cup', 'PAPILA exp1'],
    ['disc', 'PAPILA exp1'],
  ]);
  const disc = right!.regions.find(({ of }) => of === 'disc')!;
  expect(disc.shape).toMatchObject({ kind: 'polygon' });
  expect(await workbench.client.images.regionMask({ id: disc.id })).toBeNull();
}, 60_000);
