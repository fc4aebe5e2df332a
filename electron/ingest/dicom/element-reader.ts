import { ImportFailure } from '../import-failure.ts';

/** One data element; `bytes` is the value as encoded, and `fragments` are those of encapsulated pixel data. */
export interface DicomElement {
  /** Two letters, or UN where the encoding does not say. */
  readonly vr: string;
  readonly bytes: Uint8Array;
  readonly items: readonly DicomDataset[] | null;
  /** Basic offset table first; null unless encapsulated. */
  readonly fragments: readonly Uint8Array[] | null;
}

/** Elements by tag, group in the upper 16 bits. */
export type DicomDataset = ReadonlyMap<number, DicomElement>;

export interface DicomEncoding {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
}

const longVrs = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);
const undefinedLength = 0xffffffff;
const itemTag = 0xfffee000;
const itemEndTag = 0xfffee00d;
const sequenceEndTag = 0xfffee0dd;
const pixelDataTag = 0x7fe00010;
const maxDepth = 16;

/** Reads elements one after another; every length is checked against the bytes that are there. */
export class ElementReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #encoding: DicomEncoding;
  #offset: number;

  constructor(bytes: Uint8Array, offset: number, encoding: DicomEncoding) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = offset;
    this.#encoding = encoding;
  }

  get offset(): number {
    return this.#offset;
  }

  /**
   * @param end offset where the data set ends
   * @param group only elements of this group are read; the first of another one ends the reading
   */
  readDataset(end: number, { group = -1, depth = 0 } = {}): Map<number, DicomElement> {
    if (depth > maxDepth) throw damaged('sequences are nested too deeply');
    const dataset = new Map<number, DicomElement>();
    while (this.#offset + 8 <= end) {
      const tag = this.#peekTag();
      if (group !== -1 && tag >>> 16 !== group) break;
      if (tag === itemEndTag || tag === sequenceEndTag) break;
      this.#offset += 4;
      dataset.set(tag, this.#readElement(tag, end, depth));
    }
    return dataset;
  }

  #readElement(tag: number, end: number, depth: number): DicomElement {
    const { vr, length } = this.#readHeader(tag);
    if (length === undefinedLength) {
      if (tag === pixelDataTag && depth === 0) {
        return { vr, bytes: new Uint8Array(), items: null, fragments: this.#readFragments(end) };
      }
      return {
        vr: 'SQ',
        bytes: new Uint8Array(),
        items: this.#readOpenItems(vr, end, depth),
        fragments: null,
      };
    }
    if (this.#offset + length > end) {
      throw new ImportFailure(
        tag === pixelDataTag || this.#offset + length > this.#bytes.byteLength
          ? 'dicom.truncated'
          : 'dicom.damaged',
        `The DICOM element ${formatTag(tag)} says ${length} bytes, but the file has ${end - this.#offset}.`,
      );
    }
    const start = this.#offset;
    if (vr === 'SQ') {
      const items = this.#readItems(start + length, depth, true);
      this.#offset = start + length;
      return { vr, bytes: this.#bytes.subarray(start, start + length), items, fragments: null };
    }
    this.#offset += length;
    return { vr, bytes: this.#bytes.subarray(start, start + length), items: null, fragments: null };
  }

  #readHeader(tag: number): { vr: string; length: number } {
    const { explicit, littleEndian } = this.#encoding;
    if (!explicit || tag >>> 16 === 0xfffe) {
      const length = this.#uint32();
      return { vr: 'UN', length };
    }
    const vr = String.fromCharCode(this.#view.getUint8(this.#offset), this.#view.getUint8(this.#offset + 1));
    if (!/^[A-Z]{2}$/.test(vr)) throw damaged(`${formatTag(tag)} has no value representation`);
    this.#offset += 2;
    if (!longVrs.has(vr)) {
      const length = this.#view.getUint16(this.#offset, littleEndian);
      this.#offset += 2;
      return { vr, length };
    }
    this.#offset += 2;
    return { vr, length: this.#uint32() };
  }

  /** A sequence of unknown type and length is implicit little-endian inside (PS3.5 6.2.2). */
  #readOpenItems(vr: string, end: number, depth: number): DicomDataset[] {
    const outer = this.#encoding;
    if (vr === 'UN') this.#encoding = { explicit: false, littleEndian: outer.littleEndian };
    try {
      return this.#readItems(end, depth);
    } finally {
      this.#encoding = outer;
    }
  }

  #readItems(end: number, depth: number, bounded = false): DicomDataset[] {
    const items: DicomDataset[] = [];
    while (this.#offset + 8 <= end) {
      const tag = this.#tag();
      const length = this.#uint32();
      if (tag === sequenceEndTag) return items;
      if (tag !== itemTag) throw damaged('a sequence holds something that is not an item');
      if (length === undefinedLength) {
        items.push(this.readDataset(end, { depth: depth + 1 }));
        if (this.#offset + 8 <= end && this.#peekTag() === itemEndTag) this.#offset += 8;
      } else {
        if (this.#offset + length > end) throw damaged('an item is longer than its sequence');
        const itemEnd = this.#offset + length;
        items.push(this.readDataset(itemEnd, { depth: depth + 1 }));
        this.#offset = itemEnd;
      }
    }
    if (!bounded && this.#offset < end) throw damaged('a sequence has no end');
    return items;
  }

  /** A missing end after the last fragment is forgiven, because the picture is whole. */
  #readFragments(end: number): Uint8Array[] {
    const fragments: Uint8Array[] = [];
    while (this.#offset + 8 <= end) {
      const tag = this.#tag();
      const length = this.#uint32();
      if (tag === sequenceEndTag) return fragments;
      if (tag !== itemTag) throw damaged('encapsulated pixel data hold something that is not a fragment');
      if (this.#offset + length > end) {
        throw new ImportFailure(
          'dicom.truncated',
          `A pixel fragment says ${length} bytes, but the file has ${end - this.#offset}.`,
        );
      }
      fragments.push(this.#bytes.subarray(this.#offset, this.#offset + length));
      this.#offset += length;
    }
    return fragments;
  }

  #peekTag(): number {
    const offset = this.#offset;
    const tag = this.#tag();
    this.#offset = offset;
    return tag;
  }

  #tag(): number {
    if (this.#offset + 8 > this.#bytes.byteLength) {
      throw new ImportFailure('dicom.truncated', 'The DICOM file ends in the middle of an element.');
    }
    const { littleEndian } = this.#encoding;
    const group = this.#view.getUint16(this.#offset, littleEndian);
    const element = this.#view.getUint16(this.#offset + 2, littleEndian);
    this.#offset += 4;
    return ((group << 16) | element) >>> 0;
  }

  #uint32(): number {
    if (this.#offset + 4 > this.#bytes.byteLength) {
      throw new ImportFailure('dicom.truncated', 'The DICOM file ends in the middle of an element.');
    }
    const value = this.#view.getUint32(this.#offset, this.#encoding.littleEndian);
    this.#offset += 4;
    return value;
  }
}

export function damaged(what: string): ImportFailure {
  return new ImportFailure('dicom.damaged', `The DICOM file is damaged: ${what}.`);
}

/** `(0020,0062)` */
export function formatTag(tag: number): string {
  const hex = (tag >>> 0).toString(16).toUpperCase().padStart(8, '0');
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}
