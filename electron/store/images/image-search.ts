import { FundusLensError } from '../../contract/errors.ts';
import type { GridCard } from '../../contract/images/image-grid.ts';
import type { Laterality } from '../../contract/laterality.ts';
import type { ImageCard } from '../../contract/images/library-image.ts';
import { imageQuerySchema } from '../../contract/image-query.ts';
import type { ImagePage, PageStart } from '../../contract/images/images.ts';
import type { ImageQuery, ImageSortKey } from '../../contract/image-query.ts';
import type { Database } from '../database/database.ts';
import { toConditions } from './image-filter.ts';
import type { Condition } from './image-filter.ts';
import { toMatchExpression } from '../database/search-text.ts';

const sortColumns: Readonly<Record<Exclude<ImageSortKey, 'relevance'>, readonly string[]>> = {
  captured: ['capturedKey', 'id'],
  imported: ['id'],
  name: ['nameKey', 'id'],
  patient: ['patientKey', 'capturedKey', 'id'],
};

const cardColumns = `images.id, images.sha256, images.patientId, images.visitId, images.fileName, images.format,
  images.width, images.height, images.laterality, images.lateralitySource, images.modality, images.capturedAt,
  images.quality, images.traceCount, (SELECT code FROM patients WHERE patients.id = images.patientId) AS patientCode`;

/** A row of {@link gridQuery}; all null where the image is gone. */
interface GridRow {
  readonly id: number | null;
  readonly sha256: string;
  readonly patientCode: string | null;
  readonly capturedAt: string | null;
  readonly fileName: string;
  readonly laterality: Laterality;
  readonly traceCount: number;
  readonly visitNumber: number;
  readonly visitCount: number;
  /** Labels, one a line. */
  readonly findings: string | null;
}

/** Visits count in the order of their dates; those without one come last. */
const gridQuery = `
  SELECT images.id, substr(images.sha256, 1, 16) AS sha256, patients.code AS patientCode, images.capturedAt,
    images.fileName, images.laterality, images.traceCount,
    (SELECT count(*) FROM visits AS earlier WHERE earlier.patientId = visits.patientId
      AND (coalesce(earlier.date, '9999'), earlier.id) <= (coalesce(visits.date, '9999'), visits.id)) AS visitNumber,
    (SELECT count(*) FROM visits AS others WHERE others.patientId = visits.patientId) AS visitCount,
    (SELECT group_concat(label, char(10)) FROM (
      SELECT DISTINCT label FROM findings WHERE findings.imageId = images.id ORDER BY findings.id
    )) AS findings
  FROM json_each(?) AS wanted
  LEFT JOIN images ON images.id = wanted.value
  LEFT JOIN patients ON patients.id = images.patientId
  LEFT JOIN visits ON visits.id = images.visitId
  ORDER BY wanted.key`;

/** More matches than this are listed by capture time, because ranking all of them would make a person wait. */
const maxRanked = 20_000;

/** Finds images, and reads any page of what was found without counting through the pages before. */
export class ImageSearch {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  count(imageQuery: ImageQuery): number {
    const { filter } = imageQuerySchema.parse(imageQuery);
    const { text, ...rest } = filter;
    const match = toMatchExpression(text ?? '');
    const others = toConditions(rest);
    if (match !== null && others.length === 0) return this.#countMatches(match);
    const { sql, parameters } = where(toConditions(filter));
    return this.#db.rows<{ n: number }>(`SELECT count(*) AS n FROM images ${sql}`, parameters)[0]!.n;
  }

  /** Every id in order: what a virtual grid needs to know where it is, 8 bytes an image. */
  ids(imageQuery: ImageQuery): number[] {
    const { filter, sort, descending } = imageQuerySchema.parse(imageQuery);
    const ranked = sort === 'relevance' ? this.#ranked(filter) : null;
    if (ranked !== null) return ranked;
    const { sql, parameters } = where(toConditions(filter));
    const order = orderBy(columnsOf(sort), descending);
    return this.#db
      .rows<{ id: number }>(`SELECT images.id AS id FROM images ${sql} ${order}`, parameters)
      .map((row) => row.id);
  }

  /** Cards of the given images, in the order given; those that are gone are left out. */
  cards(ids: readonly number[]): ImageCard[] {
    const rows = this.#db.rows<ImageCard>(
      `SELECT ${cardColumns} FROM images WHERE id IN (SELECT value FROM json_each(?))`,
      [JSON.stringify(ids)],
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  /** Cells of the grid for the given images, in the order given; null for those that are gone. */
  gridCards(ids: readonly number[]): (GridCard | null)[] {
    const rows = this.#db.rows<GridRow>(gridQuery, [JSON.stringify(ids)]);
    return rows.map((row) => (row.id === null ? null : toGridCard(row)));
  }

  /**
   * One page.
   *
   * @param start a cursor of an earlier page with the same query, the end, or an offset
   * @param limit 1…1000
   * @throws input.invalid when the cursor is not one of this query's
   */
  page(imageQuery: ImageQuery, start: PageStart = {}, limit = 100): ImagePage {
    const { filter, sort, descending } = imageQuerySchema.parse(imageQuery);
    const ranked = sort === 'relevance' ? this.#ranked(filter) : null;
    if (ranked !== null) return this.#rankedPage(ranked, start, limit);

    const columns = columnsOf(sort);
    const backward = 'before' in start || 'end' in start;
    const conditions = toConditions(filter);
    const cursor = 'after' in start ? start.after : 'before' in start ? start.before : null;
    if (cursor !== null) {
      conditions.push({
        sql: `(${columns.map((column) => `images.${column}`).join(', ')})
          ${backward === descending ? '>' : '<'} (${columns.map(() => '?').join(', ')})`,
        parameters: decodeCursor(cursor, columns.length),
      });
    }
    const { sql, parameters } = where(conditions);
    const rows = this.#db.rows<ImageCard & Record<`key${number}`, string | number>>(
      `SELECT ${cardColumns}, ${columns.map((column, i) => `images.${column} AS key${i}`).join(', ')}
      FROM images ${sql} ${orderBy(columns, descending !== backward)} LIMIT ? OFFSET ?`,
      [...parameters, limit, 'offset' in start ? start.offset : 0],
    );
    if (backward) rows.reverse();
    const keys = rows.map((row) => columns.map((_, i) => row[`key${i}`]!));
    for (const row of rows) for (const i of columns.keys()) Reflect.deleteProperty(row, `key${i}`);
    const encode = (key: (string | number)[] | undefined) => (key === undefined ? null : encodeCursor(key));
    return { items: rows, first: encode(keys[0]), last: encode(keys.at(-1)) };
  }

  /** Ids by relevance, best first; null when there is no text or too much to rank. */
  #ranked(filter: Parameters<typeof toConditions>[0]): number[] | null {
    const match = toMatchExpression(filter.text ?? '');
    if (match === null) return null;
    if (this.#countMatches(match, maxRanked + 1) > maxRanked) return null;
    const { sql, parameters } = where([
      { sql: 'image_search MATCH ?', parameters: [match] },
      ...toConditions({ ...filter, text: '' }),
    ]);
    return this.#db
      .rows<{
        id: number;
      }>(
        `SELECT images.id AS id FROM image_search JOIN images ON images.id = image_search.rowid ${sql}
        ORDER BY bm25(image_search, 8, 8, 4, 4, 2, 4, 1), images.id`,
        parameters,
      )
      .map((row) => row.id);
  }

  #countMatches(match: string, limit = -1): number {
    return this.#db.rows<{ n: number }>(
      'SELECT count(*) AS n FROM (SELECT 1 FROM image_search WHERE image_search MATCH ? LIMIT ?)',
      [match, limit],
    )[0]!.n;
  }

  #rankedPage(ranked: readonly number[], start: PageStart, limit: number): ImagePage {
    const at = (cursor: string) => Number(decodeCursor(cursor, 1)[0]);
    let begin = 0;
    if ('after' in start) begin = at(start.after) + 1;
    else if ('before' in start) begin = Math.max(0, at(start.before) - limit);
    else if ('end' in start) begin = Math.max(0, ranked.length - limit);
    else if ('offset' in start) begin = start.offset;
    const end = 'before' in start ? at(start.before) : begin + limit;
    const items = this.cards(ranked.slice(begin, end));
    if (items.length === 0) return { items, first: null, last: null };
    return { items, first: encodeCursor([begin]), last: encodeCursor([begin + items.length - 1]) };
  }
}

function toGridCard(row: GridRow): GridCard {
  const { visitNumber, visitCount, findings, fileName, ...plain } = row;
  return {
    ...plain,
    id: row.id!,
    fileName: row.capturedAt === null ? fileName : null,
    visit: visitNumber === 0 ? null : { number: visitNumber, count: visitCount },
    findings: findings?.split('\n') ?? [],
  };
}

function where(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => `(${sql})`).join(' AND ')}`,
    parameters: conditions.flatMap(({ parameters }) => parameters),
  };
}

function columnsOf(sort: ImageSortKey): readonly string[] {
  return sortColumns[sort === 'relevance' ? 'captured' : sort];
}

function orderBy(columns: readonly string[], descending: boolean): string {
  return `ORDER BY ${columns.map((column) => `images.${column}${descending ? ' DESC' : ''}`).join(', ')}`;
}

function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function decodeCursor(cursor: string, length: number): (string | number)[] {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    key = null;
  }
  if (Array.isArray(key) && key.length === length && key.every(isKeyPart)) return key;
  throw new FundusLensError('input.invalid', 'The page cursor does not belong to this list.', {
    advice: 'start again from the first page',
  });
}

function isKeyPart(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}
