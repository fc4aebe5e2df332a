import { FundusLensError } from '../../contract/errors.ts';
import { readCode, readFlag, stemOf } from './dataset-files.ts';
import type { DatasetReader } from './dataset-reader.ts';

const grades = ['0', '1', '2', '3', '4'] as const;

/** APTOS 2019: `id_code, diagnosis`; neither patients nor eyes are stated. */
export const aptos: DatasetReader = {
  origin: {
    id: 'aptos-2019',
    title: 'APTOS 2019 Blindness Detection',
    licence: 'Rules of the Kaggle competition; not to be passed on',
    citation: 'Asia Pacific Tele-Ophthalmology Society, APTOS 2019 Blindness Detection, Kaggle 2019',
  },
  recognises: (index) => index.tablesWith('id_code', 'diagnosis').length > 0,
  read(collector, index) {
    for (const table of index.tablesWith('id_code', 'diagnosis')) {
      const split = /(?:^|\/)(train|valid|test)/i.exec(table.path)?.[1]?.toLowerCase() ?? null;
      collector.eachRow(table, (row) => {
        const grade = readCode(row, 'diagnosis', grades);
        const record = collector.at(index.picture(row.get('id_code'))).label('conclusion.icdr', grade);
        record.split = split;
      });
    }
  },
};

/**
 * Messidor-2 with the grades of Krause et al.: `image_id, adjudicated_dr_grade, adjudicated_dme, adjudicated_gradable`.
 *
 * Macular oedema there means hard exudates within one disc diameter of the fovea. An ungradable photograph has no grade.
 */
export const messidor2: DatasetReader = {
  origin: {
    id: 'messidor-2',
    title: 'Messidor-2',
    licence: 'Research and education, on the terms of the Messidor-2 licence; not to be passed on',
    citation:
      'Decencière E et al., Image Anal Stereol 2014, doi:10.5566/ias.1155; grades: Krause J et al., Ophthalmology 2018',
  },
  recognises: (index) => index.tablesWith('image_id', 'adjudicated_dr_grade').length > 0,
  read(collector, index) {
    for (const table of index.tablesWith('image_id', 'adjudicated_dr_grade')) {
      collector.eachRow(table, (row) => {
        const isGradable = readFlag(row, 'adjudicated_gradable') ?? true;
        const grade = isGradable ? readCode(row, 'adjudicated_dr_grade', grades) : null;
        const oedema = isGradable ? readFlag(row, 'adjudicated_dme') : null;
        const record = collector.at(index.picture(row.get('image_id')));
        if (!isGradable) record.label('header.quality', 'ungradable');
        if (grade !== null) record.label('conclusion.icdr', grade);
        if (oedema !== null) record.label('macula.central-exudation', oedema ? 'present' : 'none');
      });
    }
  },
};

const ddrLine = /^(\S+\.(?:jpe?g|png))\s+([0-5])$/i;
const ddrMasks: Readonly<Record<string, string>> = {
  MA: 'lesions.microaneurysms',
  HE: 'lesions.dot-blot-haemorrhages',
  EX: 'lesions.hard-exudates',
  SE: 'lesions.cotton-wool-spots',
};
const ddrLabelFolder =
  /(?:^|\/)lesion_segmentation\/(train|valid|test)\/(?:label|segmentation label)\/(MA|HE|EX|SE)\/$/i;

/** DDR: text files `train.txt`, `valid.txt`, `test.txt` with lines "file grade"; grade 5 is ungradable. */
export const ddr: DatasetReader = {
  origin: {
    id: 'ddr',
    title: 'DDR',
    licence: 'Not stated by its authors; research',
    citation:
      'Li T et al., Diagnostic assessment of deep learning algorithms for diabetic retinopathy screening, Information Sciences 2019, doi:10.1016/j.ins.2019.06.011',
  },
  recognises: (index) =>
    index.files.some(
      ({ path, text }) => isDdrList(path) && ddrLine.test((text ?? '').trimStart().split(/\r?\n/)[0]!.trim()),
    ) || index.picturesIn(ddrLabelFolder).length > 0,
  read(collector, index) {
    for (const { path, text } of index.files) {
      if (!isDdrList(path) || text === null) continue;
      const split = stemOf(path).toLowerCase();
      text.split(/\r?\n/).forEach((line, at) => {
        if (line.trim() === '') return;
        collector.attempt(path, at + 1, () => {
          const [, name, grade] = ddrLine.exec(line.trim()) ?? [];
          if (name === undefined || grade === undefined) {
            throw new FundusLensError('import.file', 'A line of the list cannot be read.', {
              expected: 'a file name and a grade from 0 to 5',
              found: line,
            });
          }
          const record = collector.at(index.picture(name, (each) => !/lesion_/i.test(each)));
          record.split = split;
          if (grade === '5') record.label('header.quality', 'ungradable');
          else record.label('conclusion.icdr', grade);
        });
      });
    }
    for (const path of index.picturesIn(ddrLabelFolder)) {
      collector.attempt(path, null, () => {
        const [, split, tag] = ddrLabelFolder.exec(path.slice(0, path.lastIndexOf('/') + 1))!;
        const picture = index.picture(stemOf(path), (each) =>
          /lesion_segmentation\/[^/]+\/image\//i.test(each),
        );
        const field = ddrMasks[tag!.toUpperCase()]!;
        // DDR has a mask for every photograph and lesion, also where it is empty: it does not show that there is some.
        const record = collector.at(picture);
        record.masks.push({ of: field, path });
        record.split ??= split!.toLowerCase();
      });
    }
  },
};

function isDdrList(path: string): boolean {
  return /(?:^|\/)(?:train|valid|test)\.txt$/i.test(path);
}
