/* eslint-disable no-console -- a script that prints a table */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeDicom } from '../electron/library/dicom/decode-dicom.ts';
import type { DecodedDicom } from '../electron/library/dicom/decode-dicom.ts';
import { defaultLimits, ImportFailure } from '../electron/library/import-failure.ts';

/**
 * Compares rendered DICOM pixels with dcmtk's `dcm2pnm`, file by file, and prints a table by transfer syntax and colour
 * model. Files are also recompressed with dcmtk and gdcm, so that every syntax is met with colour and grey.
 *
 * node bench/compare-dcmtk.ts FOLDER…   (needs Debian's dcmtk and libgdcm-tools)
 */

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
}

interface Row {
  readonly group: string;
  readonly file: string;
  readonly outcome: 'equal' | 'differs' | 'only ours' | 'only dcmtk' | 'neither';
  readonly difference: number | null;
  readonly detail: string;
}

const names: Readonly<Record<string, string>> = {
  '1.2.840.10008.1.2': 'implicit little',
  '1.2.840.10008.1.2.1': 'explicit little',
  '1.2.840.10008.1.2.1.99': 'deflated',
  '1.2.840.10008.1.2.2': 'explicit big',
  '1.2.840.10008.1.2.5': 'RLE',
  '1.2.840.10008.1.2.4.50': 'JPEG baseline',
  '1.2.840.10008.1.2.4.51': 'JPEG extended',
  '1.2.840.10008.1.2.4.57': 'JPEG lossless',
  '1.2.840.10008.1.2.4.70': 'JPEG lossless SV1',
  '1.2.840.10008.1.2.4.80': 'JPEG-LS lossless',
  '1.2.840.10008.1.2.4.81': 'JPEG-LS near-lossless',
  '1.2.840.10008.1.2.4.90': 'JPEG 2000 lossless',
  '1.2.840.10008.1.2.4.91': 'JPEG 2000',
};

/** Ways to write the same picture in another transfer syntax. */
const recompressions: readonly (readonly [string, string, readonly string[]])[] = [
  ['deflated', 'dcmconv', ['+td']],
  ['big', 'dcmconv', ['+tb']],
  ['implicit', 'dcmconv', ['+ti']],
  ['rle', 'dcmcrle', []],
  ['baseline', 'dcmcjpeg', ['+eb']],
  ['baseline-rgb', 'dcmcjpeg', ['+eb', '+cr']],
  ['extended', 'dcmcjpeg', ['+ee']],
  ['lossless', 'dcmcjpeg', ['+el']],
  ['lossless-sv1', 'dcmcjpeg', ['+e1']],
  ['jpegls', 'dcmcjpls', ['+el']],
  ['jpegls-near', 'dcmcjpls', ['+en']],
  ['j2k', 'gdcmconv', ['--j2k']],
  ['gdcm-rle', 'gdcmconv', ['--rle']],
  ['gdcm-jpeg', 'gdcmconv', ['--jpeg']],
  ['gdcm-jpegls', 'gdcmconv', ['--jpegls']],
];

const folders = process.argv.slice(2);
const scratch = mkdtempSync(path.join(tmpdir(), 'compare-dcmtk-'));
try {
  const files = folders.flatMap(listFiles);
  const rows: Row[] = [];
  for (const file of files) rows.push(...(await compareWithRecompressions(file)));
  printTable(rows);
  process.exitCode = rows.some((row) => row.difference !== null && row.difference > 1) ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true });
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .filter((file) => !path.basename(file).startsWith('DICOMDIR'))
    .sort();
}

async function compareWithRecompressions(file: string): Promise<Row[]> {
  const original = await compare(file, path.basename(file));
  if (original === null) return [];
  const rows = [original];
  if (original.outcome !== 'equal' || !/little/.test(original.group)) return rows;
  for (const [label, tool, options] of recompressions) {
    const target = path.join(scratch, `${label}.dcm`);
    rmSync(target, { force: true });
    const done = spawnSync(tool, [...options, file, target], { stdio: 'ignore' });
    if (done.status !== 0 || !existsSync(target)) continue;
    const row = await compare(target, `${path.basename(file)} as ${label}`);
    if (row !== null) rows.push(row);
  }
  return rows;
}

async function compare(file: string, label: string): Promise<Row | null> {
  let ours: DecodedDicom | null = null;
  let failure = '';
  try {
    ours = await decodeDicom(readFileSync(file), defaultLimits);
  } catch (error) {
    if (!(error instanceof ImportFailure)) throw error;
    if (error.reason === 'dicom.no-pixels') return null;
    failure = error.reason;
  }
  const theirs = renderWithDcmtk(file, ours);
  const group = ours === null ? '(not read)' : describe(ours);
  if (ours === null || theirs === null) {
    const outcome = ours !== null ? 'only ours' : theirs !== null ? 'only dcmtk' : 'neither';
    return { group, file: label, outcome, difference: null, detail: failure };
  }
  const { frame } = ours;
  if (frame.width !== theirs.width || frame.height !== theirs.height) {
    return { group, file: label, outcome: 'differs', difference: 255, detail: 'size' };
  }
  const difference = largestDifference(frame, theirs);
  const outcome = difference <= 1 ? 'equal' : 'differs';
  return { group, file: label, outcome, difference, detail: frame.mapping ?? '' };
}

function describe({ transferSyntax, format }: DecodedDicom): string {
  const bits = `${format.bitsStored}/${format.bitsAllocated}${format.signed ? ' signed' : ''}`;
  return `${names[transferSyntax] ?? transferSyntax} | ${format.photometric} | ${bits}`;
}

/** The first window where there is one, or from the smallest to the largest value where we do the same. */
function renderWithDcmtk(file: string, ours: DecodedDicom | null): Picture | null {
  const mapping = ours?.frame.mapping ?? '';
  const options = mapping.startsWith('window') ? ['+Wi', '1'] : mapping === '' ? [] : ['+Wm'];
  const target = path.join(scratch, 'out.pnm');
  // Debian builds one tool per family of codecs; the options are the same.
  for (const tool of ['dcm2pnm', 'dcmj2pnm', 'dcml2pnm']) {
    rmSync(target, { force: true });
    const { status } = spawnSync(tool, ['-q', '-O', ...options, '+op', file, target], { stdio: 'ignore' });
    if (status === 0 && existsSync(target)) return readPnm(readFileSync(target));
  }
  return null;
}

function readPnm(bytes: Buffer): Picture {
  const header = /^P([56])\s+(?:#[^\n]*\n)?(\d+)\s+(\d+)\s+255\s/.exec(
    bytes.subarray(0, 200).toString('latin1'),
  );
  if (header === null) throw new Error('not a PNM file of 8 bits');
  const channels = header[1] === '6' ? 3 : 1;
  const pixels = bytes.subarray(header[0].length);
  return { width: Number(header[2]), height: Number(header[3]), channels, pixels };
}

function largestDifference(a: Picture, b: Picture): number {
  let largest = 0;
  const count = a.width * a.height;
  for (let i = 0; i < count; i++) {
    for (let channel = 0; channel < 3; channel++) {
      const left = a.pixels[a.channels === 3 ? i * 3 + channel : i]!;
      const right = b.pixels[b.channels === 3 ? i * 3 + channel : i]!;
      largest = Math.max(largest, Math.abs(left - right));
    }
  }
  return largest;
}

function printTable(rows: readonly Row[]): void {
  const groups = Map.groupBy(rows, (row) => row.group);
  console.log(
    '| transfer syntax | photometric | bits | files | equal within 1 | max difference | only ours |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const [group, own] of [...groups].sort()) {
    const compared = own.filter((row) => row.difference !== null);
    const equal = compared.filter((row) => row.outcome === 'equal').length;
    const largest = compared.length === 0 ? '–' : Math.max(...compared.map((row) => row.difference!));
    const onlyOurs = own.filter((row) => row.outcome === 'only ours').length;
    console.log(`| ${group} | ${own.length} | ${equal}/${compared.length} | ${largest} | ${onlyOurs} |`);
  }
  for (const row of rows) {
    if (row.outcome === 'differs' || row.outcome === 'only dcmtk') {
      console.log(`${row.outcome}: ${row.file} (${row.group}) by ${row.difference ?? '–'} ${row.detail}`);
    }
  }
}
