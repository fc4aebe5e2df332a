import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatCsv, parseCsv } from '../csv.ts';
import { applyFolderRule, parseFolderRule } from '../sources/folder-rule.ts';
import { decodeManifest, ManifestIndex, parseManifest } from './manifest.ts';

describe('parseCsv', () => {
  it('reads back what formatCsv wrote, whatever the cells hold', () => {
    const cell = fc.string({ unit: 'grapheme' }).filter((text) => !/^[=+\-@\t]/.test(text));
    const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(table, (rows) => {
        // The first line decides on the separator, so it must have one that is certain.
        const withHeader = [['a', 'b', 'c', 'd', 'e', 'f'], ...rows];
        expect(parseCsv(formatCsv(withHeader)).rows).toEqual(withHeader);
      }),
    );
  });

  it('keeps a spreadsheet from running a cell as a formula', () => {
    expect(formatCsv([['=1+1', '@x', 'ok']])).toBe(`"'=1+1","'@x",ok\r\n`);
  });

  it.each([
    [
      'a;b\r\n1;"x;y"\r\n',
      [
        ['a', 'b'],
        ['1', 'x;y'],
      ],
    ],
    [
      '\uFEFFa\tb\n1\t2',
      [
        ['a', 'b'],
        ['1', '2'],
      ],
    ],
    [
      'a,b\r1,"say ""hi"""',
      [
        ['a', 'b'],
        ['1', 'say "hi"'],
      ],
    ],
    ['', []],
  ])('reads %j', (text, rows) => {
    expect(parseCsv(text).rows).toEqual(rows);
  });
});

describe('parseManifest', () => {
  it('reads every documented column', () => {
    const text =
      'File;Patient;Name;Birth year;Sex;Visit;Visit date;Eye;Modality;Captured at;Quality;Tags;Findings;Note\n' +
      'a/b.jpg;K1;Ёлкина Анна;1950;ж;первый;29.02.2024;OD;op;2024-02-29 9:05;Good;x|y;друзы|отёк;см. выше\n';
    expect(parseManifest(text)).toEqual({
      problems: [],
      rows: [
        {
          line: 2,
          file: 'a/b.jpg',
          patient: { code: 'K1', name: 'Ёлкина Анна', birthYear: 1950, sex: 'F' },
          visitLabel: 'первый',
          visitDate: '2024-02-29',
          eye: 'R',
          modality: 'OP',
          capturedAt: '2024-02-29T09:05:00',
          quality: 'good',
          tags: ['x', 'y'],
          findings: ['друзы', 'отёк'],
          note: 'см. выше',
        },
      ],
    });
  });

  it.each([
    ['eye', 'nose'],
    ['birth_year', '19'],
    ['sex', 'q'],
    ['visit_date', '31.02.2024'],
    ['captured_at', 'yesterday'],
    ['quality', 'nice'],
  ])('lists a wrong %s without quoting the row', (column, value) => {
    const { rows, problems } = parseManifest(`file,patient,name,${column}\na.jpg,K1,Ёлкина,${value}\n`);
    expect(rows).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.message).toMatch(/^Row 2: /);
    expect(problems[0]!.message).not.toMatch(/Ёлкина|K1/);
  });

  it('never throws, and never names a patient in a problem', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (head, body) => {
        const { problems } = parseManifest(`file,patient,name,eye,${head}\na.jpg,K1,Незабудкина,${body}`);
        expect(JSON.stringify(problems)).not.toContain('Незабудкина');
      }),
    );
  });

  it('reads UTF-8 with and without a mark, UTF-16 and Windows-1251', () => {
    const text = 'файл;глаз';
    const utf8 = Buffer.from(text);
    expect(decodeManifest(utf8)).toBe(text);
    expect(decodeManifest(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), utf8]))).toBe(text);
    expect(decodeManifest(Buffer.from('\uFEFF' + text, 'utf16le'))).toBe(text);
    expect(decodeManifest(Buffer.from([0xf4, 0xe0, 0xe9, 0xeb]))).toBe('файл');
  });
});

describe('ManifestIndex', () => {
  const { rows } = parseManifest('file\nА\\Б.JPG\nлицо.png\n');

  it('finds by path or by unique name, without regard to case, slashes and composition', () => {
    const index = new ManifestIndex(rows);
    expect(index.find('а/б.jpg')?.line).toBe(2);
    expect(index.find('где-то/ЛИЦО.png'.normalize('NFD'))?.line).toBe(3);
    expect(index.find('б.jpg')).toBeNull();
    expect(index.unused()).toEqual([]);
  });
});

describe('folder rule', () => {
  it.each([
    ['patient/visit', ['P1', '20240229_контроль'], 'P1', '2024-02-29'],
    ['*/patient', ['clinic', 'P2', 'deep'], 'P2', undefined],
    ['patient/visit', ['P3'], 'P3', undefined],
    ['patient', [], undefined, undefined],
  ])('%s reads %j', (rule, folders, code, date) => {
    const { patient, visit } = applyFolderRule(parseFolderRule(rule)!, folders);
    expect(patient?.code).toBe(code);
    expect(visit?.date ?? undefined).toBe(date);
  });

  it('refuses rules it cannot follow', () => {
    for (const rule of ['patient/patient', 'visit', 'eye/patient', 'patient//visit']) {
      expect(parseFolderRule(rule)).toBeNull();
    }
  });
});

test('two rows for one file are told, and the first one holds', () => {
  const { rows, problems } = parseManifest(
    'file,patient\na.jpg,P1\nb.jpg,P2\n./A.JPG,P3\nfolder\\c.jpg,P4\nfolder/c.jpg,P5\n',
  );
  expect(problems).toEqual([
    { line: 4, message: 'Row 4: row 2 is for the same file; this one was left out.' },
    { line: 6, message: 'Row 6: row 5 is for the same file; this one was left out.' },
  ]);
  const index = new ManifestIndex(rows);
  expect(index.find('a.jpg')?.patient?.code).toBe('P1');
  expect(index.find('folder/c.jpg')?.patient?.code).toBe('P4');
});
