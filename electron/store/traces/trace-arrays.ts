import { readFileSync } from 'node:fs';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { sha256Hex } from '../database/canonical-json.ts';
import type { ContentFiles } from '../content-files.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import type { NamedArray } from './trace-document.ts';
import { fromLittleEndian, toLittleEndian } from './typed-arrays.ts';

/** The layout of the bytes: row-major, little-endian, without a header. */
const schemaVersion = 1;

/** Larger arrays become files, so that the database stays quick to check and to back up. */
const maxInlineBytes = 4 * 1024 * 1024;

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
    if (bytes.byteLength > maxInlineBytes) {
      fileHash = sha256Hex(bytes);
      this.#files.writeNow(arrayFile(fileHash), zstdCompressSync(bytes));
    }
    this.#db.run(
      query.insertInto('trace_arrays').values({
        traceId,
        name,
        dtype,
        shape: JSON.stringify(shape),
        schemaVersion,
        byteLength: bytes.byteLength,
        data: fileHash === null ? bytes : null,
        fileHash,
      }),
    );
  }

  names(traceId: number): { name: string; dtype: string; shape: number[]; byteLength: number }[] {
    const rows = query
      .selectFrom('trace_arrays')
      .select(['name', 'dtype', 'shape', 'byteLength'])
      .where('traceId', '=', traceId)
      .orderBy('id');
    return this.#db.all(rows).map((row) => ({ ...row, shape: JSON.parse(row.shape) as number[] }));
  }

  get(traceId: number, name: string): NamedArray {
    const { dtype, shape, bytes } = this.read(traceId, name);
    const array = fromLittleEndian(bytes, dtype);
    return { name, dtype: dtype as NamedArray['dtype'], shape, array };
  }

  /** @throws library.damaged when a file is missing or is not what its name says */
  read(traceId: number, name: string): { dtype: string; shape: number[]; bytes: Uint8Array } {
    const rows = query
      .selectFrom('trace_arrays')
      .select(['dtype', 'shape', 'schemaVersion', 'data', 'fileHash'])
      .where('traceId', '=', traceId)
      .where('name', '=', name);
    const row = found(this.#db.get(rows), `array ${name} of trace ${traceId}`);
    if (row.schemaVersion !== schemaVersion) {
      throw new RangeError(`array layout ${row.schemaVersion} is newer than ${schemaVersion}`);
    }
    const bytes = row.data ?? this.#readFile(row.fileHash!);
    return { dtype: row.dtype, shape: JSON.parse(row.shape) as number[], bytes };
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

/** @returns path relative to the library folder */
export function arrayFile(hash: string): string {
  return `arrays/${hash.slice(0, 2)}/${hash}.zst`;
}
