import { readCode, stemOf, type FileIndex, type TableRow } from './dataset-files.ts';
import type { DatasetReader, RecordCollector } from './dataset-reader.ts';

const columns = ['Image name', 'Retinopathy grade', 'Risk of macular edema'] as const;

const maskFields: Readonly<Record<string, string>> = {
  MA: 'lesions.microaneurysms',
  HE: 'lesions.dot-blot-haemorrhages',
  EX: 'lesions.hard-exudates',
  SE: 'lesions.cotton-wool-spots',
  OD: 'disc',
};

/**
 * Indian Diabetic Retinopathy Image Dataset: grading, segmentation and localisation.
 *
 * Training and testing photographs share names, so each table is matched within its own half. Patients are not told
 * apart, and the eye is not stated. A mask shows that there is some of a lesion; a missing mask says nothing.
 */
export const idrid: DatasetReader = {
  origin: {
    id: 'idrid',
    title: 'IDRiD',
    licence: 'CC BY 4.0',
    citation:
      'Porwal P et al., Indian Diabetic Retinopathy Image Dataset (IDRiD), Data 2018, doi:10.3390/data3030025',
  },
  recognises: (index) => index.tablesWith(...columns).length > 0 || masksOf(index).length > 0,
  read(collector, index) {
    for (const table of index.tablesWith(...columns)) {
      const half = halfOf(table.path);
      collector.eachRow(table, (row) => readGrades(collector, index, row, half));
    }
    for (const table of index.tablesWith('Image No', 'X- Coordinate', 'Y - Coordinate')) {
      const part = /fovea/i.test(table.path) ? 'fovea' : 'disc';
      collector.eachRow(table, (row) => readCentre(collector, index, row, part, halfOf(table.path)));
    }
    for (const path of masksOf(index)) {
      collector.attempt(path, null, () => {
        const [, name, tag] = maskName.exec(stemOf(path))!;
        const record = collector.at(index.picture(name!, isSegmentationPicture));
        const field = maskFields[tag!.toUpperCase()]!;
        record.masks.push({ of: field, path });
        record.split ??= halfOf(path);
        if (field !== 'disc') record.label(field, 'present');
      });
    }
  },
};

function readGrades(collector: RecordCollector, index: FileIndex, row: TableRow, half: string | null): void {
  const grade = readCode(row, columns[1], ['0', '1', '2', '3', '4']);
  const risk = readCode(row, columns[2], ['0', '1', '2']);
  const picture = index.picture(row.get(columns[0]), (path) => !isMaskOrPart(path) && fitsHalf(path, half));
  const record = collector.at(picture).label('conclusion.icdr', grade).label('conclusion.dme-risk', risk);
  record.split = half;
}

function readCentre(
  collector: RecordCollector,
  index: FileIndex,
  row: TableRow,
  part: 'disc' | 'fovea',
  half: string | null,
): void {
  const name = row.get('Image No');
  const [x, y] = [row.get('X- Coordinate'), row.get('Y - Coordinate')];
  // The tables end in empty rows that still have commas.
  if (name === '' || x === '' || y === '') return;
  const picture = index.picture(name, (path) => !isMaskOrPart(path) && fitsHalf(path, half));
  collector.at(picture).points[part] = [Number(x), Number(y)];
}

const maskName = /^(IDRiD_\d+)_(MA|HE|EX|SE|OD)$/i;

function masksOf(index: FileIndex): string[] {
  return index.picturesIn(/./).filter((path) => maskName.test(stemOf(path)));
}

/** The segmentation part has photographs of its own, numbered with two digits: `IDRiD_01`. */
function isSegmentationPicture(path: string): boolean {
  return /IDRiD_\d{2}$/i.test(stemOf(path));
}

/** The localisation part repeats the photographs of the grading part; where both are there, the grading part counts. */
function isMaskOrPart(path: string): boolean {
  return maskName.test(stemOf(path)) || isSegmentationPicture(path) || /localization/i.test(path);
}

function halfOf(path: string): string | null {
  return /training/i.test(path) ? 'train' : /testing/i.test(path) ? 'test' : null;
}

function fitsHalf(path: string, half: string | null): boolean {
  return half === null || halfOf(path) === null || halfOf(path) === half;
}
