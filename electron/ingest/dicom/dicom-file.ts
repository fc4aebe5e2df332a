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
  for (const littleEndian of [true, false]) {
    const group = view.getUint16(0, littleEndian);
    const isFirstGroup = (group === 2 && littleEndian) || group === 8;
    if (!isFirstGroup || view.getUint16(2, littleEndian) > 0x1000) continue;
    if (hasVr(bytes, 0)) return true;
    const length = view.getUint32(4, littleEndian);
    if (littleEndian && length <= Math.min(bytes.byteLength, 1024)) return true;
  }
  return false;
}

/** Whether the element at an offset begins as explicit encoding does: tag, then two capital letters. */
function hasVr(bytes: Uint8Array, offset: number): boolean {
  return /^[A-Z]{2}$/.test(String.fromCharCode(bytes[offset + 4] ?? 0, bytes[offset + 5] ?? 0));
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
    const [body, bodyOffset] =
      transferSyntax === transferSyntaxes.deflated
        ? [inflate(bytes.subarray(offset), limits.fileBytes), 0]
        : [bytes, offset];
    const declared = encodingOf(transferSyntax);
    // Some writers name an explicit syntax and write without value representations.
    const misnamed = declared.explicit && !hasVr(body, bodyOffset);
    const encoding = misnamed ? { ...declared, explicit: false } : declared;
    const dataset = new ElementReader(body, bodyOffset, encoding).readDataset(body.byteLength);
    return {
      transferSyntax,
      transferSyntaxGuessed: named === null || misnamed,
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
  const explicit = hasVr(bytes, start);
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
  const explicit = hasVr(bytes, offset);
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

export function hasPreamble(bytes: Uint8Array): boolean {
  return (
    bytes.byteLength >= magicOffset + 4 &&
    Buffer.from(bytes.buffer, bytes.byteOffset + magicOffset, 4).toString('latin1') === 'DICM'
  );
}
