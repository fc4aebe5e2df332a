/* eslint-disable no-console -- a script that prints a table */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeFrame } from '../electron/ingest/dicom/decode-frame.ts';
import type { DecodedFrame } from '../electron/ingest/dicom/decode-frame.ts';
import { decodeDicom } from '../electron/ingest/dicom/decode-dicom.ts';
import type { DecodedDicom } from '../electron/ingest/dicom/decode-dicom.ts';
import { parseDicom } from '../electron/ingest/dicom/dicom-file.ts';
import { readPixelFormat } from '../electron/ingest/dicom/pixel-format.ts';
import { DicomValues } from '../electron/ingest/dicom/values.ts';
import { defaultLimits, ImportFailure } from '../electron/ingest/import-failure.ts';

/**
 * Compares rendered DICOM pixels with dcmtk's `dcm2pnm`, file by file, and prints a table by transfer syntax and colour
 * model. Files are also recompressed with dcmtk and gdcm, so that every syntax is met with colour and grey.
 *
 * dcmtk is told to read windows whose VR is UN (`+uc`), and, of a JPEG whose file says RGB, to trust the JPEG where its
 * marks contradict (`+cg`), as we do. Where pictures still differ, the stored values that dcmtk unpacks are compared
 * as well: equal ones say that only the way to the screen differs. It does for YBR_FULL, whose chroma dcmtk centres on
 * 127.5 and PS3.3 C.7.6.3.1.2 on 128, and where dcmtk rounds rescaled values before a narrow window spreads them.
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
  /** Of what is shown, in levels of 255. */
  readonly difference: number | null;
  /** Of the stored values; only where what is shown differs by more than one level. */
  readonly stored: number | null;
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
  process.exitCode = rows.some((row) => row.outcome === 'differs' && (row.stored ?? 255) > 1) ? 1 : 0;
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
  let theirs = renderWithDcmtk(file, ours);
  const group = ours === null ? '(not read)' : describe(ours);
  if (ours === null || theirs === null) {
    const outcome = ours !== null ? 'only ours' : theirs !== null ? 'only dcmtk' : 'neither';
    return { group, file: label, outcome, difference: null, stored: null, detail: failure };
  }
  const { frame } = ours;
  if (frame.width !== theirs.width || frame.height !== theirs.height) {
    return { group, file: label, outcome: 'differs', difference: 255, stored: null, detail: 'size' };
  }
  let difference = largestDifference(frame, theirs);
  if (difference > 1 && ours.format.photometric === 'RGB') {
    theirs = renderWithDcmtk(file, ours, ['+cg']);
    if (theirs !== null) difference = Math.min(difference, largestDifference(frame, theirs));
  }
  const outcome = difference <= 1 ? 'equal' : 'differs';
  const stored = outcome === 'equal' ? null : await compareStored(file);
  return { group, file: label, outcome, difference, stored, detail: frame.mapping ?? '' };
}

function describe({ transferSyntax, format }: DecodedDicom): string {
  const bits = `${format.bitsStored}/${format.bitsAllocated}${format.signed ? ' signed' : ''}`;
  return `${names[transferSyntax] ?? transferSyntax} | ${format.photometric} | ${bits}`;
}

/** The first window where there is one, or from the smallest to the largest value where we do the same. */
function renderWithDcmtk(
  file: string,
  ours: DecodedDicom | null,
  colour: readonly string[] = [],
): Picture | null {
  const mapping = ours?.frame.mapping ?? '';
  const options = mapping.startsWith('window') ? ['+Wi', '1'] : mapping === '' ? [] : ['+Wm'];
  const target = path.join(scratch, 'out.pnm');
  const known = path.join(scratch, 'known.dcm');
  rmSync(known, { force: true });
  spawnSync('dcmconv', ['-q', '+uc', file, known], { stdio: 'ignore' });
  const source = existsSync(known) ? known : file;
  // Debian builds one tool per family of codecs; the options are the same.
  for (const tool of ['dcm2pnm', 'dcmj2pnm', 'dcml2pnm']) {
    rmSync(target, { force: true });
    const { status } = spawnSync(tool, ['-q', '-O', ...colour, ...options, '+op', source, target], {
      stdio: 'ignore',
    });
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

/** The largest difference of the first frame's stored values, ours against those that dcmtk unpacks; null where it cannot. */
async function compareStored(file: string): Promise<number | null> {
  const target = path.join(scratch, 'unpacked.dcm');
  for (const [tool, ...options] of [['dcmdjpeg', '+cn'], ['dcmdrle'], ['dcmdjpls']] as const) {
    rmSync(target, { force: true });
    const { status } = spawnSync(tool, ['-q', ...options, file, target], { stdio: 'ignore' });
    if (status !== 0 || !existsSync(target)) continue;
    const [ours, theirs] = [await decodeStored(file), await decodeStored(target)];
    return ours.reduce((largest, value, i) => Math.max(largest, Math.abs(value - theirs[i]!)), 0);
  }
  return null;
}

async function decodeStored(file: string): Promise<number[]> {
  const dicom = parseDicom(readFileSync(file), defaultLimits);
  const values = new DicomValues(dicom.dataset, dicom.littleEndian);
  const frame = await decodeFrame(dicom, values, readPixelFormat(values, defaultLimits.pixels));
  return storedByPixel(frame);
}

/** Stored values of 8 or 16 bits, the samples of a pixel side by side. */
function storedByPixel({ format, bytes }: DecodedFrame): number[] {
  const buffer = Buffer.from(bytes);
  const step = format.bitsAllocated / 8;
  const count = format.width * format.height;
  return Array.from({ length: count * format.samples }, (_, i) => {
    const sample = i % format.samples;
    const pixel = (i - sample) / format.samples;
    const at = format.planar ? sample * count + pixel : i;
    return buffer.readUIntLE(at * step, step);
  });
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
      console.log(
        `${row.outcome}: ${row.file} (${row.group}) by ${row.difference ?? '–'}, stored values by ${row.stored ?? '–'} ${row.detail}`,
      );
    }
  }
}
