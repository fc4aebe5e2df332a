import { inflateRawSync } from 'node:zlib';
import type { ImportLimits } from '../import-failure.ts';
import { ImportFailure } from '../import-failure.ts';
import { damaged, ElementReader } from './element-reader.ts';
import type { DicomDataset, DicomEncoding } from './element-reader.ts';

export interface DicomFile {
  readonly transferSyntax: string;
  /** The file did not name its transfer syntax; it was told from the bytes. */
  readonly transferSyntaxGuessed: boolean;
  readonly littleEndian: boolean;
  readonly meta: DicomDataset;
  readonly dataset: DicomDataset;
}

export const transferSyntaxes = {
  implicitLittle: '1.2.840.10008.1.2',
  explicitLittle: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  explicitBig: '1.2.840.10008.1.2.2',
} as const;

const magicOffset = 128;

/** Whether the bytes are a DICOM file, with its preamble or, as old devices write, without. */
export function looksLikeDicom(bytes: Uint8Array): boolean {
  if (hasPreamble(bytes)) return true;
  if (bytes.byteLength < 16) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const group = view.getUint16(0, true);
  const element = view.getUint16(2, true);
  if (group !== 2 && group !== 8) return false;
  const explicit = /^[A-Z]{2}$/.test(String.fromCharCode(bytes[4]!, bytes[5]!));
  return element <= 0x1000 && (explicit || view.getUint32(4, true) <= Math.min(bytes.byteLength, 1024));
}

/**
 * Reads a DICOM Part 10 file or a bare data set; pixel data stay encoded.
 *
 * @throws ImportFailure dicom.damaged, dicom.truncated
 */
export function parseDicom(bytes: Uint8Array, limits: ImportLimits): DicomFile {
  const start = hasPreamble(bytes) ? magicOffset + 4 : 0;
  try {
    const { meta, offset } = readMeta(bytes, start);
    const named = readUid(meta, 0x00020010);
    const transferSyntax = named ?? guessTransferSyntax(bytes, offset);
    const encoding = encodingOf(transferSyntax);
    const [body, bodyOffset] =
      transferSyntax === transferSyntaxes.deflated
        ? [inflate(bytes.subarray(offset), limits.fileBytes), 0]
        : [bytes, offset];
    const dataset = new ElementReader(body, bodyOffset, encoding).readDataset(body.byteLength);
    return {
      transferSyntax,
      transferSyntaxGuessed: named === null,
      littleEndian: encoding.littleEndian,
      meta,
      dataset,
    };
  } catch (error) {
    if (error instanceof ImportFailure) throw error;
    // A DataView that is asked beyond its end: the file stops in the middle of something.
    if (error instanceof RangeError) {
      throw new ImportFailure('dicom.truncated', 'The DICOM file ends in the middle of an element.', error);
    }
    throw error;
  }
}

/** The meta group is explicit little-endian whatever follows. */
function readMeta(bytes: Uint8Array, start: number): { meta: DicomDataset; offset: number } {
  if (bytes.byteLength < start + 8) {
    throw new ImportFailure('dicom.truncated', 'The DICOM file ends after its preamble.');
  }
  if (bytes[start] !== 2 || bytes[start + 1] !== 0) return { meta: new Map(), offset: start };
  const explicit = /^[A-Z]{2}$/.test(String.fromCharCode(bytes[start + 4]!, bytes[start + 5]!));
  const reader = new ElementReader(bytes, start, { explicit, littleEndian: true });
  const meta = reader.readDataset(bytes.byteLength, { group: 2 });
  return { meta, offset: reader.offset };
}

function readUid(meta: DicomDataset, tag: number): string | null {
  const element = meta.get(tag);
  if (element === undefined) return null;
  const uid = Buffer.from(element.bytes)
    .toString('latin1')
    .replace(/[\0 ]+$/, '');
  return /^[0-9.]+$/.test(uid) ? uid : null;
}

function encodingOf(transferSyntax: string): DicomEncoding {
  return {
    explicit: transferSyntax !== transferSyntaxes.implicitLittle,
    littleEndian: transferSyntax !== transferSyntaxes.explicitBig,
  };
}

function guessTransferSyntax(bytes: Uint8Array, offset: number): string {
  if (offset + 8 > bytes.byteLength) throw damaged('there is no data set');
  const explicit = /^[A-Z]{2}$/.test(String.fromCharCode(bytes[offset + 4]!, bytes[offset + 5]!));
  // The first group of a data set is small: its high byte is zero, and comes first when big-endian.
  const bigEndian = bytes[offset] === 0 && bytes[offset + 1] !== 0;
  if (bigEndian) return transferSyntaxes.explicitBig;
  return explicit ? transferSyntaxes.explicitLittle : transferSyntaxes.implicitLittle;
}

function inflate(bytes: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new ImportFailure('dicom.damaged', 'The deflated DICOM data set cannot be unpacked.', error);
  }
}

function hasPreamble(bytes: Uint8Array): boolean {
  return (
    bytes.byteLength >= magicOffset + 4 &&
    Buffer.from(bytes.buffer, bytes.byteOffset + magicOffset, 4).toString('latin1') === 'DICM'
  );
}
