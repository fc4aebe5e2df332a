import { readFlag } from './dataset-files.ts';
import type { DatasetReader } from './dataset-reader.ts';

/** Columns whose 1 has a value in the protocol; 0 says nothing unless the whole photograph is called healthy. */
const seen: Readonly<Record<string, readonly [field: string, value: string, healthy: string]>> = {
  CWS: ['lesions.cotton-wool-spots', 'present', 'none'],
  EDN: ['lesions.hard-exudates', 'present', 'none'],
  LS: ['lesions.laser-scars', 'present', 'none'],
  DN: ['macula.drusen', 'present', 'none'],
  RPEC: ['macula.pigment', 'present', 'none'],
};

/** Columns with a 1 that means one value, while a healthy photograph leaves the field open. */
const disc: Readonly<Record<string, readonly [field: string, value: string]>> = {
  ODC: ['disc.cup-size', 'large'],
  ODP: ['disc.colour', 'pale'],
};

/**
 * Retinal Fundus Multi-disease Image Dataset: `ID, Disease_Risk`, and a column of 0 and 1 for each disease.
 *
 * One disease is often the only one marked, so that 0 beside another disease is no finding. Photographs are numbered anew in
 * each part; patients and eyes are not stated.
 */
export const rfmid: DatasetReader = {
  origin: {
    id: 'rfmid',
    title: 'RFMiD',
    licence: 'CC BY 4.0',
    citation:
      'Pachade S et al., Retinal Fundus Multi-Disease Image Dataset (RFMiD), Data 2021, doi:10.3390/data6020014',
  },
  recognises: (index) => index.tablesWith('ID', 'Disease_Risk').length > 0,
  read(collector, index) {
    for (const table of index.tablesWith('ID', 'Disease_Risk')) {
      const part = partOf(table.path);
      const diseases = [...table.columns].filter(
        (name) => name !== '' && name !== 'id' && name !== 'disease_risk',
      );
      collector.eachRow(table, (row) => {
        const isHealthy = readFlag(row, 'Disease_Risk') === false;
        const marked = diseases
          .filter((name) => readFlag(row, name) === true)
          .map((name) => name.toUpperCase());
        const record = collector.at(
          index.picture(row.get('ID'), (path) => part === null || partOf(path) === part),
        );
        record.split = part;
        for (const [column, [field, present, healthy]] of Object.entries(seen)) {
          if (marked.includes(column)) record.label(field, present);
          else if (isHealthy) record.label(field, healthy);
        }
        for (const [column, [field, value]] of Object.entries(disc)) {
          if (marked.includes(column)) record.label(field, value);
        }
        if (marked.includes('DR')) record.label('conclusion.icdr', 'present');
        else if (isHealthy) record.label('conclusion.icdr', '0');
        if (marked.includes('ARMD')) record.label('conclusion.areds', 'present');
        else if (isHealthy) record.label('conclusion.areds', '1');
        for (const name of marked) record.find(name);
      });
    }
  },
};

function partOf(path: string): string | null {
  if (/training/i.test(path)) return 'train';
  if (/validation|evaluation/i.test(path)) return 'validation';
  return /test/i.test(path) ? 'test' : null;
}
