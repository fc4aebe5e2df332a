import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { sha256Hex } from '../database/canonical-json.ts';
import { query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary } from '../database/database-errors.ts';

/** A document as it lies in its row: `document` is text, or empty and `documentBytes` holds it. */
export interface StoredDocument {
  readonly document: string;
  readonly documentBytes: Buffer | null;
  readonly dictionaryId: number | null;
}

/** Bytes of a window that reaches over the dictionary and the document: 2²² = 4 MiB. */
const windowLog = 22;

/**
 * Documents of traces, compressed against a dictionary of what many of them repeat: the tokens and words of every concept,
 * the list of controls. The dictionary knows nothing of a photograph, a prompt or a result, so that erasing a trace erases
 * all of it.
 */
export class TraceDocuments {
  readonly #db: Database;
  /** Dictionaries in use, by id. */
  readonly #loaded = new Map<number, Buffer>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** Call inside the transaction that inserts the row. */
  pack(document: string, trace: Pick<LensTrace, 'concepts' | 'controls'>): StoredDocument {
    const dictionary = Buffer.from(sharedPart(trace));
    const dictionaryId = this.#ensure(dictionary);
    const documentBytes = zstdCompressSync(document, {
      dictionary,
      params: { [constants.ZSTD_c_windowLog]: windowLog },
    });
    return { document: '', documentBytes, dictionaryId };
  }

  /** @throws library.damaged when the bytes cannot be decompressed */
  unpack({ document, documentBytes, dictionaryId }: StoredDocument): string {
    if (documentBytes === null) return document;
    try {
      const dictionary = dictionaryId === null ? undefined : this.#load(dictionaryId);
      const options = { params: { [constants.ZSTD_d_windowLogMax]: windowLog } };
      return zstdDecompressSync(
        documentBytes,
        dictionary === undefined ? options : { ...options, dictionary },
      ).toString('utf8');
    } catch (error) {
      throw damagedLibrary('the document of a trace cannot be decompressed', error);
    }
  }

  /** Takes away dictionaries that no trace needs any more. */
  removeUnused(): void {
    const used = query.selectFrom('traces').select('dictionaryId').where('dictionaryId', 'is not', null);
    this.#db.run(query.deleteFrom('trace_dictionaries').where('id', 'not in', used));
    this.#loaded.clear();
  }

  #ensure(dictionary: Buffer): number {
    const sha256 = sha256Hex(dictionary);
    const known = query.selectFrom('trace_dictionaries').select('id').where('sha256', '=', sha256);
    const id =
      this.#db.get(known)?.id ??
      Number(
        this.#db.run(
          query.insertInto('trace_dictionaries').values({ sha256, data: zstdCompressSync(dictionary) }),
        ).lastInsertRowid,
      );
    return id;
  }

  #load(id: number): Buffer {
    const loaded = this.#loaded.get(id);
    if (loaded !== undefined) return loaded;
    const row = this.#db.get(query.selectFrom('trace_dictionaries').select('data').where('id', '=', id));
    if (row === undefined) throw new RangeError(`no dictionary ${id}`);
    const dictionary = zstdDecompressSync(row.data);
    this.#loaded.set(id, dictionary);
    return dictionary;
  }
}

/** What traces of one model, prompt and concept set have in common, as it stands in their documents. */
function sharedPart({ concepts, controls }: Pick<LensTrace, 'concepts' | 'controls'>): string {
  return JSON.stringify({
    concepts: concepts.map(({ id, label, role, parent, tokens }) => ({ id, label, role, parent, tokens })),
    controls,
  });
}
