import { readFileSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Selectable } from 'kysely';
import { sha256Hex } from '../database/canonical-json.ts';
import type { ContentFiles } from '../content-files.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import type { TraceArraysTable } from '../database/tables.ts';
import type { NamedArray } from './trace-document.ts';
import { bytesOf, fromLittleEndian, shuffle, toLittleEndian, unshuffle } from './typed-arrays.ts';

/**
 * The layouts of the bytes in a row: row-major, little-endian, without a header; or those with the first bytes of all
 * elements first, then the second ones, and so on, compressed with zstd, which is smaller for numbers that lie close together.
 * Files are always of the first one, compressed.
 */
const layouts = { plain: 1, shuffled: 2 } as const;

/** Below this, compression costs more than it saves. */
const minCompressedBytes = 512;

/** Larger arrays become files, so that the database stays quick to check and to back up. */
const maxInlineBytes = 4 * 1024 * 1024;

/** An array as it was, in bytes. */
interface StoredNumbers {
  readonly dtype: string;
  readonly shape: number[];
  /** Row-major, little-endian. */
  readonly bytes: Uint8Array;
}

type StoredRow = Pick<
  Selectable<TraceArraysTable>,
  'dtype' | 'shape' | 'schemaVersion' | 'data' | 'fileHash'
>;

/** Number arrays of traces: a BLOB each, or a compressed file named by its content. */
export class TraceArrays {
  readonly #db: Database;
  readonly #files: ContentFiles;

  constructor(db: Database, files: ContentFiles) {
    this.#db = db;
    this.#files = files;
  }

  /** Call inside a transaction. A file is written before its row, so a row never points at nothing. */
  insert(traceId: number, { name, dtype, shape, array }: NamedArray): void {
    const bytes = toLittleEndian(array);
    let fileHash: string | null = null;
    let data: Buffer | null = bytes;
    let schemaVersion: number = layouts.plain;
    if (bytes.byteLength > maxInlineBytes) {
      fileHash = sha256Hex(bytes);
      this.#files.writeNow(arrayFile(fileHash), zstdCompressSync(bytes));
      data = null;
    } else if (bytes.byteLength >= minCompressedBytes) {
      data = zstdCompressSync(shuffle(bytes, array.BYTES_PER_ELEMENT));
      schemaVersion = layouts.shuffled;
    }
    this.#db.run(
      query.insertInto('trace_arrays').values({
        traceId,
        name,
        dtype,
        shape: JSON.stringify(shape),
        schemaVersion,
        byteLength: (data ?? bytes).byteLength,
        data,
        fileHash,
      }),
    );
  }

  /** Every array of a trace, with its bytes when it is read. */
  names(traceId: number): { name: string; dtype: string; shape: number[]; byteLength: number }[] {
    const rows = query
      .selectFrom('trace_arrays')
      .select(['name', 'dtype', 'shape'])
      .where('traceId', '=', traceId)
      .orderBy('id');
    return this.#db.all(rows).map((row) => {
      const shape = JSON.parse(row.shape) as number[];
      return { ...row, shape, byteLength: shape.reduce((size, n) => size * n, bytesOf(row.dtype)) };
    });
  }

  get(traceId: number, name: string): NamedArray {
    const { dtype, shape, bytes } = this.read(traceId, name);
    const array = fromLittleEndian(bytes, dtype);
    return { name, dtype: dtype as NamedArray['dtype'], shape, array };
  }

  /** @throws library.damaged when a file is missing or is not what its name says */
  read(traceId: number, name: string): StoredNumbers {
    const row = this.#db.get(stored().where('traceId', '=', traceId).where('name', '=', name));
    return this.#open(found(row, `array ${name} of trace ${traceId}`));
  }

  /**
   * Every array of a trace, by name: in one query, where a trace has some two hundred.
   *
   * @throws library.damaged when a file is missing or is not what its name says
   */
  readAll(traceId: number): Map<string, StoredNumbers> {
    const rows = this.#db.all(stored().where('traceId', '=', traceId));
    return new Map(rows.map((row) => [row.name, this.#open(row)]));
  }

  #open({ dtype, shape, schemaVersion, data, fileHash }: StoredRow): StoredNumbers {
    if (schemaVersion > layouts.shuffled)
      throw new RangeError(`array layout ${schemaVersion} is newer than ${layouts.shuffled}`);
    const packed = data ?? this.#readFile(fileHash!);
    const bytes =
      schemaVersion === layouts.shuffled ? unshuffle(zstdDecompressSync(packed), bytesOf(dtype)) : packed;
    return { dtype, shape: JSON.parse(shape) as number[], bytes };
  }

  #readFile(hash: string): Uint8Array {
    const relativePath = arrayFile(hash);
    let bytes: Uint8Array;
    try {
      bytes = zstdDecompressSync(readFileSync(this.#files.resolve(relativePath)));
    } catch (error) {
      throw damagedLibrary(`${relativePath} cannot be read`, error);
    }
    if (sha256Hex(bytes) === hash) return bytes;
    throw damagedLibrary(`${relativePath} does not have the content its name says`);
  }
}

function stored() {
  return query
    .selectFrom('trace_arrays')
    .select(['name', 'dtype', 'shape', 'schemaVersion', 'data', 'fileHash']);
}

/** @returns path relative to the library folder */
export function arrayFile(hash: string): string {
  return `arrays/${hash.slice(0, 2)}/${hash}.zst`;
}
