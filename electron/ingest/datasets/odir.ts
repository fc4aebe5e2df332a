import { readAge, type TableRow } from './dataset-files.ts';
import type { DatasetReader, RecordCollector } from './dataset-reader.ts';
import type { RecordBuilder } from './dataset-record.ts';

const columns = [
  'ID',
  'Left-Fundus',
  'Right-Fundus',
  'Left-Diagnostic Keywords',
  'Right-Diagnostic Keywords',
] as const;

type Label = readonly [field: string, value: string];

/** What the keywords say, the most exact first; keywords that say nothing to the protocol stay findings. */
const keywords: readonly (readonly [RegExp, ...Label[]])[] = [
  [/^mild non-?\s?proliferative retinopathy$/, ['conclusion.icdr', '1'], ['conclusion.dr-stage', 'npdr']],
  [/^moderate non-?\s?proliferative retinopathy$/, ['conclusion.icdr', '2'], ['conclusion.dr-stage', 'npdr']],
  [/^severe non-?\s?proliferative retinopathy$/, ['conclusion.icdr', '3']],
  [
    /^(?:severe )?proliferative diabetic retinopathy$/,
    ['conclusion.icdr', '4'],
    ['conclusion.dr-stage', 'pdr'],
  ],
  [/^(?:suspected )?diabetic retinopathy$/, ['conclusion.icdr', 'present']],
  [/^wet age-related macular degeneration$/, ['conclusion.areds', '4']],
  [/^(?:dry )?age-related macular degeneration$/, ['conclusion.areds', 'present']],
  [/^(?:suspected )?glaucoma$/, ['conclusion.glaucoma', 'present']],
  [/^drusen$/, ['macula.drusen', 'present']],
  [/^laser spot$/, ['lesions.laser-scars', 'present']],
  [/^low image quality$/, ['header.quality', 'poor']],
  [/^no fundus image$/, ['header.quality', 'ungradable']],
  [
    /^normal fundus$/,
    ['conclusion.icdr', '0'],
    ['conclusion.areds', '1'],
    ['conclusion.glaucoma', 'none'],
    ['macula.drusen', 'none'],
  ],
];

/**
 * ODIR-5K: one row a patient, keywords for each eye. The widespread `full_df.csv` has each patient once per eye; both
 * rows say the same, and a photograph becomes one record.
 *
 * The columns N, D, G, C, A, H, M, O belong to the patient, not to the eye, and are not used.
 */
export const odir: DatasetReader = {
  origin: {
    id: 'odir-5k',
    title: 'ODIR-5K',
    licence: 'Terms of the Peking University challenge ODIR-2019; not to be passed on',
    citation:
      'Peking University International Competition on Ocular Disease Intelligent Recognition (ODIR-2019)',
  },
  copies: /preprocessed/i,
  recognises: (index) => index.tablesWith(...columns).length > 0,
  read(collector, index) {
    for (const table of index.tablesWith(...columns)) {
      for (const eye of ['Left', 'Right'] as const) {
        collector.eachRow({ ...table, problems: eye === 'Left' ? table.problems : [] }, (row) => {
          const name = row.get(`${eye}-Fundus`);
          if (name !== '')
            readEye(
              collector,
              index.picture(name, (path) => !/preprocessed/i.test(path)),
              row,
              eye,
            );
        });
      }
    }
  },
};

function readEye(collector: RecordCollector, picture: string, row: TableRow, eye: 'Left' | 'Right'): void {
  const record = collector.at(picture).setEye(eye === 'Left' ? 'L' : 'R');
  record.patientCode = row.get('ID');
  record.age = readAge(row, 'Patient Age');
  const sex = row.get('Patient Sex').toLowerCase();
  record.sex = sex === 'female' ? 'F' : sex === 'male' ? 'M' : null;
  const said = row
    .get(`${eye}-Diagnostic Keywords`)
    .split(/[,，]/)
    .map((word) => word.trim().toLowerCase().replaceAll(/\s+/g, ' '));
  for (const word of new Set(said)) if (word !== '') readKeyword(record, word);
}

function readKeyword(record: RecordBuilder, word: string): void {
  record.find(word);
  const [, ...labels] = keywords.find(([pattern]) => pattern.test(word)) ?? [null];
  for (const [field, value] of labels) record.label(field, value);
}
