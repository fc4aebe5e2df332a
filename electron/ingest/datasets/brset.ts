import { readAge, readCode, readFlag } from './dataset-files.ts';
import type { DatasetReader } from './dataset-reader.ts';

/** Flags that have a value in the protocol for 1 and for 0. */
const flags: Readonly<Record<string, readonly [field: string, present: string, absent: string | null]>> = {
  macular_edema: ['macula.central-exudation', 'present', null],
  drusens: ['macula.drusen', 'present', 'none'],
  amd: ['conclusion.areds', 'present', null],
  increased_cup_disc: ['disc.cup-size', 'large', null],
};

/** Flags without a field of their own. */
const findings = [
  'scar',
  'nevus',
  'vascular_occlusion',
  'hypertensive_retinopathy',
  'hemorrhage',
  'retinal_detachment',
  'myopic_fundus',
  'other',
] as const;

/**
 * Brazilian Multilabel Ophthalmological Dataset: a row a photograph, `exam_eye` 1 = right, 2 = left, `DR_ICDR` 0–4,
 * `patient_sex` 1 = male, 2 = female.
 */
export const brset: DatasetReader = {
  origin: {
    id: 'brset',
    title: 'BRSET',
    licence: 'PhysioNet Credentialed Health Data License 1.5.0; not to be passed on',
    citation:
      'Nakayama LF et al., BRSET: A Brazilian Multilabel Ophthalmological Dataset, PLOS Digital Health 2024, doi:10.1371/journal.pdig.0000454',
  },
  recognises: (index) => index.tablesWith('patient_id', 'image_id', 'exam_eye', 'DR_ICDR').length > 0,
  read(collector, index) {
    for (const table of index.tablesWith('patient_id', 'image_id', 'exam_eye', 'DR_ICDR')) {
      collector.eachRow(table, (row) => {
        const eye = readCode(row, 'exam_eye', ['1', '2']);
        const grade = row.get('DR_ICDR') === '' ? null : readCode(row, 'DR_ICDR', ['0', '1', '2', '3', '4']);
        const record = collector.at(index.picture(row.get('image_id'))).setEye(eye === '1' ? 'R' : 'L');
        record.patientCode = row.get('patient_id') || null;
        record.age = readAge(row, 'patient_age');
        const sex = row.get('patient_sex');
        record.sex = sex === '1' ? 'M' : sex === '2' ? 'F' : null;
        if (grade !== null) record.label('conclusion.icdr', grade);
        for (const [column, [field, present, absent]] of Object.entries(flags)) {
          const flag = readFlag(row, column);
          if (flag === true) record.label(field, present);
          else if (flag === false && absent !== null) record.label(field, absent);
        }
        if (readFlag(row, 'amd') === false && readFlag(row, 'drusens') === false)
          record.label('conclusion.areds', '1');
        if (readFlag(row, 'hemorrhage') === false) {
          record.label('lesions.dot-blot-haemorrhages', 'none').label('lesions.flame-haemorrhages', 'none');
        }
        for (const label of findings) if (readFlag(row, label) === true) record.find(label);
        if (row.get('quality').toLowerCase() === 'inadequate') record.label('header.quality', 'poor');
      });
    }
  },
};
