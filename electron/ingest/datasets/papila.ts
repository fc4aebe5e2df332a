import { FundusLensError } from '../../contract/errors.ts';
import { measureDrawings } from '../../protocol/geometry/measure.ts';
import { checkOutline, type Point, type PolygonShape } from '../../protocol/geometry/shapes.ts';
import { roundToField } from '../../protocol/protocol.ts';
import { foldName, readAge, readCode, stemOf, type FileIndex, type Table } from './dataset-files.ts';
import type { DatasetReader, RecordCollector } from './dataset-reader.ts';
import type { RecordBuilder } from './dataset-record.ts';

const pictureName = /^RET(\d+)(OD|OS)$/i;
const contourName = /^RET(\d+)(OD|OS)_(disc|cup)_(exp\d+)$/i;

/**
 * PAPILA: `RET###OD.jpg` and `RET###OS.jpg` of one patient, disc and cup drawn by two experts (text files of "x y" lines),
 * clinical tables for the right and the left eye. The tables are published as Excel sheets: save them as CSV to have
 * age, sex and diagnosis.
 *
 * The cup/disc ratio is the mean over the experts who drew both outlines.
 */
export const papila: DatasetReader = {
  origin: {
    id: 'papila',
    title: 'PAPILA',
    licence: 'CC BY 4.0',
    citation:
      'Kovalyk O et al., PAPILA: Dataset with fundus images and clinical data of both eyes of the same patient for glaucoma assessment, Scientific Data 2022, doi:10.1038/s41597-022-01388-1',
  },
  copies: /ImagesWithContours/i,
  recognises: (index) => picturesOf(index).length > 0,
  read(collector, index) {
    for (const path of picturesOf(index)) {
      const [, patient, eye] = pictureName.exec(stemOf(path))!;
      const record = collector.at(path).setEye(eye!.toUpperCase() === 'OD' ? 'R' : 'L');
      record.patientCode = `RET${patient!}`;
    }
    for (const { path, text } of index.files) {
      if (text === null || !contourName.test(stemOf(path))) continue;
      collector.attempt(path, null, () => {
        const [, patient, eye, of, author] = contourName.exec(stemOf(path))!;
        const record = collector.at(pictureOf(index, `RET${patient!}${eye!}`));
        const part = of!.toLowerCase() === 'disc' ? 'disc' : 'cup';
        record.outlines.push({ of: part, author: author!.toLowerCase(), outline: readContour(text, part) });
      });
    }
    for (const record of collector.records) {
      collector.attempt(record.imagePath, null, () => enterRatio(collector, record));
    }
    for (const table of index.tablesWith('ID', 'Diagnosis')) readClinicalTable(collector, index, table);
  },
};

function picturesOf(index: FileIndex): string[] {
  return index.picturesIn(/^(?!.*ImagesWithContours)/i).filter((path) => pictureName.test(stemOf(path)));
}

/** The photograph itself, not the one with the outlines drawn on it. */
function pictureOf(index: FileIndex, name: string): string {
  return index.picture(name, (path) => !/ImagesWithContours/i.test(path));
}

function readContour(text: string, name: string): PolygonShape {
  const points = text
    .trim()
    .split(/\r?\n/)
    .map((line): Point => {
      const numbers = line
        .trim()
        .split(/[\s,;]+/)
        .map(Number);
      const [x, y] = numbers;
      if (numbers.length === 2 && Number.isFinite(x) && Number.isFinite(y)) return [x!, y!];
      throw new FundusLensError('import.file', 'A line of the contour cannot be read.', {
        expected: 'two numbers in each line',
        found: line,
      });
    });
  const outline: PolygonShape = { kind: 'polygon', points };
  checkOutline(outline, name);
  return outline;
}

function enterRatio(collector: RecordCollector, record: RecordBuilder): void {
  const field = 'disc.cup-disc-ratio';
  const authors = new Set(record.outlines.map(({ author }) => author));
  const ratios = [...authors].flatMap((author) => {
    const drawn = (part: 'disc' | 'cup') =>
      record.outlines.find((each) => each.of === part && each.author === author)?.outline;
    const [disc, cup] = [drawn('disc'), drawn('cup')];
    if (disc === undefined || cup === undefined) return [];
    return [measureDrawings(collector.protocolSchema, { disc, cup }).get(field)!];
  });
  if (ratios.length === 0) return;
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  record.label(field, roundToField(collector.protocolSchema, field, mean));
}

function readClinicalTable(collector: RecordCollector, index: FileIndex, table: Table): void {
  const eye = /(?:^|[_\s-])(od|os)(?:[_\s.-]|$)/i.exec(table.path)?.[1]?.toUpperCase();
  if (eye === undefined) return;
  collector.eachRow(table, (row) => {
    const number = /\d+/.exec(row.get('ID'))?.[0];
    if (number === undefined) return;
    const diagnosis = readCode(row, 'Diagnosis', ['0', '1', '2']);
    const record = collector.at(pictureOf(index, `RET${number.padStart(3, '0')}${eye}`));
    record.label('conclusion.glaucoma', diagnosis === '0' ? 'none' : 'present');
    record.find(['healthy', 'glaucoma', 'glaucoma suspect'][Number(diagnosis)]!);
    record.age = readAge(row, 'Age');
    const sex = table.columns.has(foldName('Gender')) ? row.get('Gender') : '';
    record.sex = sex === '0' ? 'M' : sex === '1' ? 'F' : null;
  });
}
