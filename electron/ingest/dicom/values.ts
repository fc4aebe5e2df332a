import type { DicomDataset } from './element-reader.ts';

/** Character sets of (0008,0005) as the encodings that TextDecoder knows. */
const encodings: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'ISO_IR 100': 'latin1',
    'ISO_IR 101': 'iso-8859-2',
    'ISO_IR 109': 'iso-8859-3',
    'ISO_IR 110': 'iso-8859-4',
    'ISO_IR 126': 'iso-8859-7',
    'ISO_IR 127': 'iso-8859-6',
    'ISO_IR 138': 'iso-8859-8',
    'ISO_IR 144': 'iso-8859-5',
    'ISO_IR 148': 'windows-1254',
    'ISO_IR 203': 'iso-8859-15',
    'ISO_IR 13': 'shift_jis',
    'ISO_IR 166': 'windows-874',
    'ISO_IR 192': 'utf-8',
    'ISO 2022 IR 87': 'iso-2022-jp',
    'ISO 2022 IR 149': 'euc-kr',
    GB18030: 'gb18030',
    GBK: 'gbk',
  }),
);

/** Reads values of one data set with its byte order and character set. */
export class DicomValues {
  readonly #dataset: DicomDataset;
  readonly #littleEndian: boolean;
  readonly #encoding: string;

  constructor(dataset: DicomDataset, littleEndian: boolean) {
    this.#dataset = dataset;
    this.#littleEndian = littleEndian;
    this.#encoding = encodingOf(asciiOf(dataset, 0x00080005));
  }

  has(tag: number): boolean {
    return this.#dataset.has(tag);
  }

  /** Two letters; UN when absent or not said. */
  vrOf(tag: number): string {
    return this.#dataset.get(tag)?.vr ?? 'UN';
  }

  /** Text of codes, dates and UIDs, all values together; empty when absent. */
  ascii(tag: number): string {
    return asciiOf(this.#dataset, tag);
  }

  /** First value of a text in the file's character set; empty when absent. */
  text(tag: number): string {
    const element = this.#dataset.get(tag);
    if (element === undefined) return '';
    return trimPadding(decodeText(element.bytes, this.#encoding)).split('\\')[0]!.trim();
  }

  /** Unsigned 16-bit values. */
  uint16s(tag: number): number[] {
    const bytes = this.#dataset.get(tag)?.bytes ?? new Uint8Array();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.byteLength >> 1 }, (_, i) => view.getUint16(i * 2, this.#littleEndian));
  }

  /** First unsigned 16-bit value. */
  uint16(tag: number): number | null {
    return this.uint16s(tag)[0] ?? null;
  }

  /** Numbers written as text (DS, IS). */
  decimals(tag: number): number[] {
    return this.ascii(tag)
      .split('\\')
      .map((value) => (value.trim() === '' ? Number.NaN : Number(value)))
      .filter((value) => Number.isFinite(value));
  }

  bytes(tag: number): Uint8Array | null {
    return this.#dataset.get(tag)?.bytes ?? null;
  }

  fragments(tag: number): readonly Uint8Array[] | null {
    return this.#dataset.get(tag)?.fragments ?? null;
  }

  /** Items of a sequence. */
  items(tag: number): DicomValues[] {
    return (this.#dataset.get(tag)?.items ?? []).map((item) => new DicomValues(item, this.#littleEndian));
  }
}

/** @param names value of Specific Character Set; of several, the last is the one beyond ASCII */
export function encodingOf(names: string): string {
  const known = names
    .split('\\')
    .map((name) => name.trim().replace(/^ISO 2022 IR (?!87|149)/, 'ISO_IR '))
    .map((name) => encodings.get(name))
    .filter((encoding) => encoding !== undefined);
  return known.at(-1) ?? '';
}

/** Without a declared set, bytes that form UTF-8 are UTF-8, and others are Latin-1. */
export function decodeText(bytes: Uint8Array, encoding: string): string {
  if (encoding === 'iso-2022-jp') return new TextDecoder(encoding).decode(bytes);
  const plain = stripEscapes(bytes);
  if (encoding !== '') return new TextDecoder(encoding).decode(plain);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch {
    return new TextDecoder('latin1').decode(plain);
  }
}

/** Escape sequences of ISO 2022 switch to the set that was declared anyway. */
function stripEscapes(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0x1b)) return bytes;
  const text = Buffer.from(bytes).toString('latin1');
  // eslint-disable-next-line no-control-regex -- the escape character is what is looked for
  return Buffer.from(text.replace(/\x1b[$]?[()\-+,]?[@-~0-9]/g, ''), 'latin1');
}

function asciiOf(dataset: DicomDataset, tag: number): string {
  const element = dataset.get(tag);
  return element === undefined ? '' : trimPadding(Buffer.from(element.bytes).toString('latin1'));
}

function trimPadding(text: string): string {
  return text.replace(/[\0 ]+$/, '').replace(/^ +/, '');
}
