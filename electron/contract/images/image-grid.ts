import type { Laterality } from '../laterality.ts';

/** The bytes `FLGR`, little-endian. */
const magic = 0x52474c46;
const version = 1;
/** Magic, version, total, first, rows, bytes of the texts: 6 × uint32. */
const preamble = 24;
/** uint32 of one row; see {@link packGrid}. */
const wordsPerRow = 11;
/** Stands for "no text". */
const none = 0xffffffff;
const lateralityCodes: readonly Laterality[] = ['unknown', 'R', 'L', 'B'];

export const gridType = 'application/x-fundus-lens-grid';
/** Rows of one piece at most. */
export const maxGridRows = 8192;

/** An image as one cell of the grid shows it. */
export interface GridCard {
  readonly id: number;
  /** The first 16 hexadecimal digits, which is what addresses of views need. */
  readonly sha256: string;
  readonly patientCode: string | null;
  readonly capturedAt: string | null;
  /** Known only for images without a capture time, which are told apart by it. */
  readonly fileName: string | null;
  readonly laterality: Laterality;
  readonly traceCount: number;
  /** 1-based, in the order of the patient's visits; null without a visit. */
  readonly visit: { readonly number: number; readonly count: number } | null;
  readonly findings: readonly string[];
}

/** A run of neighbours in the order of a query, and how many images the whole query has. */
export interface GridPiece {
  readonly total: number;
  readonly first: number;
  readonly rows: readonly (GridCard | null)[];
}

/**
 * Packs cards so tightly that a renderer can hold all cells of a library of 100,000 images: 44 bytes a row, and each
 * text once.
 *
 * ```text
 * "FLGR" | version | total | first | rows | bytes of texts | rows × 11 uint32 | texts (JSON list)
 * row: id, sha256[0:8], sha256[8:16], code, captured, file name, findings (places in texts, 2³²−1 for none),
 *      laterality, traces, visit, visits
 * ```
 */
export function packGrid({ total, first, rows }: GridPiece): Uint8Array<ArrayBuffer> {
  const texts: string[] = [];
  const places = new Map<string, number>();
  const placeOf = (text: string | null) => {
    if (text === null) return none;
    const known = places.get(text);
    if (known !== undefined) return known;
    places.set(text, texts.length);
    return texts.push(text) - 1;
  };
  const words = new Uint32Array(wordsPerRow * rows.length);
  rows.forEach((row, index) => {
    if (row === null) return;
    const { id, sha256, patientCode, capturedAt, fileName, findings, laterality, traceCount, visit } = row;
    const place = wordsPerRow * index;
    words[place] = id;
    words[place + 1] = Number.parseInt(sha256.slice(0, 8), 16);
    words[place + 2] = Number.parseInt(sha256.slice(8, 16), 16);
    words[place + 3] = placeOf(patientCode);
    words[place + 4] = placeOf(capturedAt);
    words[place + 5] = placeOf(fileName);
    words[place + 6] = placeOf(findings.length === 0 ? null : findings.join('\n'));
    words[place + 7] = lateralityCodes.indexOf(laterality);
    words[place + 8] = traceCount;
    words[place + 9] = visit?.number ?? 0;
    words[place + 10] = visit?.count ?? 0;
  });
  const encoded = new TextEncoder().encode(JSON.stringify(texts));
  const packed = new Uint8Array(preamble + 4 * words.length + encoded.byteLength);
  const view = new DataView(packed.buffer);
  const head = [magic, version, total, first, rows.length, encoded.byteLength];
  head.forEach((word, index) => view.setUint32(4 * index, word, true));
  words.forEach((word, index) => view.setUint32(preamble + 4 * index, word, true));
  packed.set(encoded, preamble + 4 * words.length);
  return packed;
}

/**
 * Reads what {@link packGrid} wrote; cards are made when they are asked for, and then kept.
 *
 * @throws RangeError when the bytes are not a whole piece of this version
 */
export class GridRows {
  readonly total: number;
  readonly first: number;
  readonly length: number;
  readonly #view: DataView;
  readonly #texts: readonly string[];
  readonly #cards: (GridCard | undefined)[] = [];

  constructor(buffer: ArrayBuffer) {
    this.#view = new DataView(buffer);
    if (buffer.byteLength < preamble || this.#word(0) !== magic || this.#word(1) !== version) {
      throw new RangeError('these bytes are not a piece of the grid');
    }
    this.total = this.#word(2);
    this.first = this.#word(3);
    this.length = this.#word(4);
    const start = preamble + 4 * wordsPerRow * this.length;
    if (buffer.byteLength !== start + this.#word(5)) throw new RangeError('the piece is cut short');
    this.#texts = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, start))) as string[];
  }

  /** 0 for an image that has gone since the order was made. */
  idAt(row: number): number {
    return row < this.length ? this.#word(6 + wordsPerRow * row) : 0;
  }

  at(row: number): GridCard | undefined {
    const id = this.idAt(row);
    if (id === 0) return undefined;
    return (this.#cards[row] ??= this.#read(id, 6 + wordsPerRow * row));
  }

  #read(id: number, place: number): GridCard {
    const hex = (offset: number) =>
      this.#word(place + offset)
        .toString(16)
        .padStart(8, '0');
    const text = (offset: number) => this.#texts[this.#word(place + offset)] ?? null;
    const visitNumber = this.#word(place + 9);
    return {
      id,
      sha256: hex(1) + hex(2),
      patientCode: text(3),
      capturedAt: text(4),
      fileName: text(5),
      findings: text(6)?.split('\n') ?? [],
      laterality: lateralityCodes[this.#word(place + 7)] ?? 'unknown',
      traceCount: this.#word(place + 8),
      visit: visitNumber === 0 ? null : { number: visitNumber, count: this.#word(place + 10) },
    };
  }

  #word(index: number): number {
    return this.#view.getUint32(4 * index, true);
  }
}
