import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import schemaFile from '../../../resources/protocols/fundus.json' with { type: 'json' };
import { findProblems } from '../../protocol/protocol.ts';
import { readProtocolSchema } from '../../protocol/schema.ts';
import type { DatasetRecord } from './dataset-record.ts';
import { isDatasetText, knownDatasets, readDatasets } from './read-dataset.ts';

const schema = readProtocolSchema(schemaFile);
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Writes a small folder in a data set's layout, and reads it as an import would. */
function readFolder(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'dataset-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({
      path: relative(folder, path).replaceAll(sep, '/'),
      text: isDatasetText(path) ? readFileSync(path, 'utf8') : null,
    }));
  return readDatasets(schema, found);
}

function only(files: Readonly<Record<string, string>>) {
  const datasets = readFolder(files);
  expect(datasets.map(({ origin }) => origin.id)).toHaveLength(1);
  const dataset = datasets[0]!;
  for (const { values, licence } of dataset.records) {
    expect(findProblems(schema, { values })).toEqual([]);
    expect(Object.values(values).every(({ source }) => source === 'imported')).toBe(true);
    expect(licence).not.toBe('');
  }
  return dataset;
}

function valuesOf(record: DatasetRecord | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record?.values ?? {}).map(([id, { value }]) => [id, value]));
}

describe('IDRiD', () => {
  const grading = 'B. Disease Grading';
  const train = `${grading}/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv`;
  const test = `${grading}/2. Groundtruths/b. IDRiD_Disease Grading_Testing Labels.csv`;
  const header = 'Image name,Retinopathy grade,Risk of macular edema ,,,,,,,,,\r\n';

  it('keeps the halves apart that share names, and finds the column that ends in a space', () => {
    const { origin, records, problems } = only({
      [train]: `${header}IDRiD_001,3,2,,,,,,,,,\r\nIDRiD_002,0,0,,,,,,,,,\r\n`,
      [test]: `${header}IDRiD_001,4,0,,,,,,,,,\r\n`,
      [`${grading}/1. Original Images/a. Training Set/IDRiD_001.jpg`]: '',
      [`${grading}/1. Original Images/a. Training Set/IDRiD_002.jpg`]: '',
      [`${grading}/1. Original Images/b. Testing Set/IDRiD_001.jpg`]: '',
      'C. Localization/2. Groundtruths/2. Fovea Center Location/IDRiD_Fovea_Center_Training Set_Markups.csv':
        'Image No,X- Coordinate,Y - Coordinate,,\r\nIDRiD_001,2100.5,1400,,\r\n,,,,\r\n',
    });
    expect(origin.licence).toBe('CC BY 4.0');
    expect(problems).toEqual([]);
    expect(records.map((record) => [record.split, valuesOf(record)])).toEqual([
      ['train', { 'conclusion.icdr': '3', 'conclusion.dme-risk': '2' }],
      ['train', { 'conclusion.icdr': '0', 'conclusion.dme-risk': '0' }],
      ['test', { 'conclusion.icdr': '4', 'conclusion.dme-risk': '0' }],
    ]);
    expect(records[0]).toMatchObject({
      patientCode: null,
      eye: 'unknown',
      points: { fovea: [2100.5, 1400] },
    });
  });

  it('takes a mask as a sign that there is some, and lists a bad row', () => {
    const { records, problems } = only({
      'A. Segmentation/1. Original Images/a. Training Set/IDRiD_01.jpg': '',
      'A. Segmentation/2. All Segmentation Groundtruths/a. Training Set/3. Hard Exudates/IDRiD_01_EX.tif': '',
      'A. Segmentation/2. All Segmentation Groundtruths/a. Training Set/5. Optic Disc/IDRiD_01_OD.tif': '',
      [train]: `${header}IDRiD_009,1,0,\r\nIDRiD_003,7,0,\r\n`,
      [`${grading}/1. Original Images/a. Training Set/IDRiD_003.jpg`]: '',
    });
    expect(records).toHaveLength(1);
    expect(valuesOf(records[0])).toEqual({ 'lesions.hard-exudates': 'present' });
    expect(records[0]?.masks.map(({ of }) => of)).toEqual(['lesions.hard-exudates', 'disc']);
    expect(problems).toMatchObject([
      { line: 2, found: 'none', expected: 'one picture named IDRiD_009' },
      { line: 3, found: '7' },
    ]);
  });
});

describe('graded sets', () => {
  it('reads APTOS 2019', () => {
    const { origin, records } = only({
      'train.csv': 'id_code,diagnosis\n000c1434d8d7,2\n',
      'train_images/000c1434d8d7.png': '',
    });
    expect(origin.id).toBe('aptos-2019');
    expect(records).toMatchObject([
      { imagePath: 'train_images/000c1434d8d7.png', split: 'train', patientCode: null },
    ]);
    expect(valuesOf(records[0])).toEqual({ 'conclusion.icdr': '2' });
  });

  it('reads Messidor-2, where an ungradable photograph has no grade', () => {
    const { records, problems } = only({
      'messidor_data.csv':
        'image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable\n20051020_43808_0100_PP.png,2,1,1\nIM000002.jpg,,,0\nIM000003.jpg,,0,1\n',
      'IMAGES/20051020_43808_0100_PP.png': '',
      'IMAGES/IM000002.JPG': '',
      'IMAGES/IM000003.JPG': '',
    });
    expect(records.map(valuesOf)).toEqual([
      { 'conclusion.icdr': '2', 'macula.central-exudation': 'present' },
      { 'header.quality': 'ungradable' },
    ]);
    expect(problems).toMatchObject([{ line: 4, found: 'an empty cell' }]);
  });

  it('reads DDR: lines of file and grade, 5 is ungradable', () => {
    const { records, problems } = only({
      'DR_grading/train.txt': '007-0004-000.jpg 0\r\n007-0007-000.jpg 5\r\nnonsense\r\n',
      'DR_grading/train/007-0004-000.jpg': '',
      'DR_grading/train/007-0007-000.jpg': '',
      'lesion_segmentation/train/image/007-1774-100.jpg': '',
      'lesion_segmentation/train/label/EX/007-1774-100.tif': '',
    });
    expect(records.map(valuesOf)).toEqual([
      { 'conclusion.icdr': '0' },
      { 'header.quality': 'ungradable' },
      {},
    ]);
    expect(records[2]?.masks).toEqual([
      { of: 'lesions.hard-exudates', path: 'lesion_segmentation/train/label/EX/007-1774-100.tif' },
    ]);
    expect(problems).toMatchObject([{ path: 'DR_grading/train.txt', line: 3, found: 'nonsense' }]);
  });
});

describe('RFMiD', () => {
  it('calls absent only what a healthy photograph leaves out', () => {
    const { records } = only({
      'Training_Set/RFMiD_Training_Labels.csv':
        'ID,Disease_Risk,DR,ARMD,DN,CWS,ODC\n1,1,1,0,0,0,1\n2,0,0,0,0,0,0\n',
      'Training_Set/Training/1.png': '',
      'Training_Set/Training/2.png': '',
      'Test_Set/RFMiD_Testing_Labels.csv': 'ID,Disease_Risk,DR,ARMD,DN,CWS,ODC\n1,1,0,1,0,0,0\n',
      'Test_Set/Test/1.png': '',
    });
    expect(records).toHaveLength(3);
    const at = (path: string) => records.find(({ imagePath }) => imagePath === path);
    expect(valuesOf(at('Training_Set/Training/1.png'))).toEqual({
      'conclusion.icdr': 'present',
      'disc.cup-size': 'large',
    });
    expect(valuesOf(at('Training_Set/Training/2.png'))).toMatchObject({
      'conclusion.icdr': '0',
      'lesions.cotton-wool-spots': 'none',
      'macula.drusen': 'none',
    });
    expect(at('Test_Set/Test/1.png')).toMatchObject({
      split: 'test',
      findings: [{ label: 'ARMD', value: null }],
    });
  });
});

describe('ODIR-5K', () => {
  it('makes two records of a patient, also where the table has the patient twice', () => {
    const row = (ID: number, file: string) =>
      `${ID},69,Female,0_left.jpg,0_right.jpg,"moderate non proliferative retinopathy，laser spot",normal fundus,0,1,0,0,0,0,0,0,${file}\n`;
    const { records, problems } = only({
      'full_df.csv':
        'ID,Patient Age,Patient Sex,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,Right-Diagnostic Keywords,N,D,G,C,A,H,M,O,filename\n' +
        row(0, '0_right.jpg') +
        row(0, '0_left.jpg'),
      'ODIR-5K/ODIR-5K/Training Images/0_left.jpg': '',
      'ODIR-5K/ODIR-5K/Training Images/0_right.jpg': '',
      'preprocessed_images/0_left.jpg': '',
    });
    expect(problems).toEqual([]);
    expect(records.map(({ eye, patientCode, age, sex }) => [eye, patientCode, age, sex])).toEqual([
      ['L', '0', 69, 'F'],
      ['R', '0', 69, 'F'],
    ]);
    expect(valuesOf(records[0])).toEqual({
      'header.eye': 'OS',
      'conclusion.icdr': '2',
      'conclusion.dr-stage': 'npdr',
      'lesions.laser-scars': 'present',
    });
    expect(valuesOf(records[1])).toMatchObject({ 'header.eye': 'OD', 'conclusion.icdr': '0' });
  });
});

describe('BRSET', () => {
  it('reads 1 as the right eye and 2 as the left, never guesses', () => {
    const header =
      'image_id,patient_id,camera,patient_age,patient_sex,exam_eye,DR_ICDR,macular_edema,drusens,amd,increased_cup_disc,hemorrhage,scar,quality\n';
    const { records, problems } = only({
      'labels.csv': `${header}img00001,7,Canon CR,48.0,1,1,3.0,1,0,0,0,1,1,Adequate\nimg00002,7,Canon CR,48,2,2,0,0,1,0,0,0,0,Inadequate\nimg00003,7,Canon CR,48,2,,0,0,0,0,0,0,0,Adequate\n`,
      'fundus_photos/img00001.jpg': '',
      'fundus_photos/img00002.jpg': '',
      'fundus_photos/img00003.jpg': '',
    });
    expect(records.map(({ eye, patientCode, sex }) => [eye, patientCode, sex])).toEqual([
      ['R', '7', 'M'],
      ['L', '7', 'F'],
    ]);
    expect(valuesOf(records[0])).toEqual({
      'header.eye': 'OD',
      'conclusion.icdr': '3',
      'macula.central-exudation': 'present',
      'macula.drusen': 'none',
      'conclusion.areds': '1',
    });
    expect(records[0]?.findings.map(({ label }) => label)).toEqual(['scar', 'hemorrhage']);
    expect(valuesOf(records[1])).toMatchObject({
      'lesions.flame-haemorrhages': 'none',
      'header.quality': 'poor',
    });
    expect(problems).toMatchObject([{ line: 4, found: 'an empty cell' }]);
  });
});

describe('PAPILA', () => {
  const contour = (x: number, y: number, r: number) =>
    Array.from({ length: 60 }, (_, at) => {
      const angle = (2 * Math.PI * at) / 60;
      return `${(x + r * Math.cos(angle)).toFixed(3)} ${(y + r * Math.sin(angle)).toFixed(3)}`;
    }).join('\n');
  const contours = 'ExpertsSegmentations/Contours';

  it('keeps patients and eyes, both experts, and their mean ratio', () => {
    const { records, problems } = only({
      'FundusImages/RET002OD.jpg': '',
      'FundusImages/RET002OS.jpg': '',
      [`${contours}/RET002OD_disc_exp1.txt`]: contour(1000, 900, 200),
      [`${contours}/RET002OD_cup_exp1.txt`]: contour(1000, 900, 80),
      [`${contours}/RET002OD_disc_exp2.txt`]: contour(1000, 900, 200),
      [`${contours}/RET002OD_cup_exp2.txt`]: contour(1000, 900, 120),
      [`${contours}/RET002OS_cup_exp1.txt`]: '0 0\n10 10\n10 0\n0 10\n',
      'ClinicalData/patient_data_od.csv': 'ID,Age,Gender,Diagnosis\n#002,47,0,2\n',
    });
    expect(records.map(({ eye, patientCode }) => [eye, patientCode])).toEqual([
      ['R', 'RET002'],
      ['L', 'RET002'],
    ]);
    expect(valuesOf(records[0])).toEqual({
      'header.eye': 'OD',
      'disc.cup-disc-ratio': 0.5,
      'conclusion.glaucoma': 'present',
    });
    expect(records[0]?.outlines.map(({ of, author }) => `${of} ${author}`).sort()).toEqual([
      'cup exp1',
      'cup exp2',
      'disc exp1',
      'disc exp2',
    ]);
    expect(records[0]).toMatchObject({ age: 47, sex: 'M' });
    expect(problems).toMatchObject([
      { path: `${contours}/RET002OS_cup_exp1.txt`, expected: 'a contour that does not cross itself' },
    ]);
  });
});

describe('readDatasets', () => {
  it('says of every data set whose it is and on what terms', () => {
    expect(knownDatasets.map(({ title }) => title)).toEqual([
      'IDRiD',
      'APTOS 2019 Blindness Detection',
      'Messidor-2',
      'DDR',
      'RFMiD',
      'ODIR-5K',
      'BRSET',
      'PAPILA',
    ]);
    for (const { licence, citation } of knownDatasets) expect(licence && citation).not.toBe('');
  });

  it('recognises nothing in an ordinary folder', () => {
    expect(
      readFolder({ 'Иванов/OD.jpg': '', 'list.csv': 'file,eye\nOD.jpg,OD\n', 'notes.txt': 'hello' }),
    ).toEqual([]);
  });
});
