import type { Laterality } from '../../contract/laterality.ts';
import type { TraceOrderKey, TraceVerdictState } from '../../contract/traces/traces.ts';
import { findSubject } from '../../engine/lens-trace/concept-set.ts';
import type { LensKind, LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { toMatchExpression } from '../database/search-text.ts';
import type { Prompts } from '../prompts.ts';

export interface TraceChoice {
  readonly imageId?: number;
  readonly patientId?: number;
  readonly modelId?: number;
  readonly groupId?: number;
  /** Every word occurs, as a prefix, in patient, file, tags, findings, notes, prompt, answer or model; a number is also an id. */
  readonly text?: string;
  readonly lateralities?: readonly Laterality[];
  readonly lenses?: readonly LensKind[];
  readonly verdicts?: readonly TraceVerdictState[];
}

export interface TraceFilter extends TraceChoice {
  readonly order?: TraceOrderKey;
  readonly limit: number;
  /** As many are left out at the beginning of the order. */
  readonly skip?: number;
  /** Only traces made before this one. */
  readonly beforeId?: number;
}

interface Condition {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/** A word that is found more often than this is no help in finding anything. */
const often = 2000;
/** So many traces are found again sooner than they are remembered. */
const many = 30_000;

/**
 * Finds traces by their narrow rows, so that a list of 100,000 is counted and filtered without reading one of them. Only
 * the page that is shown is read in full.
 */
export class TraceList {
  readonly #db: Database;
  readonly #prompts: Prompts;
  #last: { readonly key: string; readonly ids: readonly number[] | null } | undefined;

  constructor(db: Database, prompts: Prompts) {
    this.#db = db;
    this.#prompts = prompts;
  }

  count(choice: TraceChoice): number {
    const found = choice.text === undefined ? null : this.#found(choice);
    return found?.length ?? this.#count(this.#where(choice));
  }

  /** Ids of one page, in the order asked for; traces without a patient come last in that of patients. */
  ids({ order = 'newest', limit, skip = 0, ...choice }: TraceFilter): number[] {
    const columns = {
      newest: 'traceId DESC',
      oldest: 'traceId',
      layer: 'layer IS NULL, layer, traceId',
      patient: "patientKey = '', patientKey, visitDate, laterality DESC, traceId",
    }[order];
    const found = choice.text === undefined ? null : this.#found(choice);
    const { sql, parameters } =
      found === null ? this.#where(choice, order === 'layer' || order === 'patient') : among(found);
    return this.#ids(`${sql} ORDER BY ${columns} LIMIT ? OFFSET ?`, [...parameters, limit, skip]);
  }

  /**
   * A list asks for its count and then for pages of the same words; they are looked up once, until anything changes.
   *
   * @returns null when they are in so many traces that a walk meets them soon anyway
   */
  #found(choice: TraceChoice & { readonly beforeId?: number }): readonly number[] | null {
    const changes = this.#db.rows<{ n: number }>('SELECT total_changes() AS n')[0]!.n;
    const key = JSON.stringify([choice, changes, this.#db.pragma('data_version')]);
    if (this.#last?.key !== key) {
      const { sql, parameters } = this.#where(choice);
      const ids = this.#ids(`${sql} LIMIT ?`, [...parameters, many + 1]);
      this.#last = { key, ids: ids.length > many ? null : ids };
    }
    return this.#last.ids;
  }

  #ids(rest: string, parameters: readonly unknown[]): number[] {
    return this.#db
      .rows<{ id: number }>(`SELECT traceId AS id FROM trace_list ${rest}`, parameters)
      .map(({ id }) => id);
  }

  #count({ sql, parameters }: Condition): number {
    return this.#db.rows<{ n: number }>(`SELECT count(*) AS n FROM trace_list ${sql}`, parameters)[0]!.n;
  }

  /** Keeps in short what a trace says of its subject. */
  judge(traceId: number, trace: Pick<LensTrace, 'concepts'>): void {
    const judged = trace.concepts.filter(({ finding }) => finding !== undefined);
    const subjectId = findSubject({ concepts: judged });
    const finding = judged.find(({ id }) => id === subjectId)?.finding;
    const readable = judged.filter((concept) => concept.finding?.state === 'readable');
    const verdict: TraceVerdictState =
      finding?.state === 'not-identifiable' ? 'not-asked' : (finding?.state ?? 'none');
    const layer = finding?.state === 'readable' ? finding.layer : null;
    const row = { verdict, subjectId, layer, readableCount: readable.length };
    this.#db.run(query.updateTable('trace_list').set(row).where('traceId', '=', traceId));
  }

  /** Traces of older libraries, which are not judged yet. */
  unjudged(limit: number): number[] {
    return this.#db
      .all(query.selectFrom('trace_list').select('traceId').where('verdict', 'is', null).limit(limit))
      .map(({ traceId }) => traceId);
  }

  /** @param walked whether an index in the order of the list is walked, so that no other may be chosen */
  #where(choice: TraceChoice & { readonly beforeId?: number }, walked = false): Condition {
    const { imageId, patientId, modelId, groupId, lateralities, lenses, verdicts, text, beforeId } = choice;
    const list = (values: readonly unknown[]) => [JSON.stringify(values)];
    const within = '(SELECT value FROM json_each(?))';
    const images = (where: string) => `trace_list.imageId IN (SELECT id FROM images WHERE ${where})`;
    const parts: Condition[] = [];
    const add = (sql: string, parameters: readonly unknown[]) => parts.push({ sql, parameters });
    if (imageId !== undefined) add('trace_list.imageId = ?', [imageId]);
    if (patientId !== undefined) add(images('patientId = ?'), [patientId]);
    if (modelId !== undefined) add('trace_list.modelId = ?', [modelId]);
    if (beforeId !== undefined) add('trace_list.traceId < ?', [beforeId]);
    if (groupId !== undefined)
      add('trace_list.imageId IN (SELECT imageId FROM group_images WHERE groupId = ?)', [groupId]);
    if (lateralities !== undefined)
      add(`${walked ? '+' : ''}trace_list.laterality IN ${within}`, list(lateralities));
    if (lenses !== undefined) add(`trace_list.lens IN ${within}`, list(lenses));
    if (verdicts !== undefined) add(`trace_list.verdict IN ${within}`, list(verdicts));
    // The rarest word leads, because its traces alone are looked at for the others.
    const words = text?.split(/\s+/).filter((part) => part !== '') ?? [];
    const [first, ...others] = words.length < 2 ? words : this.#rarestFirst(words);
    if (first !== undefined) parts.push(this.#mentions(first));
    for (const word of others) parts.push(this.#mentions(word, '+'));
    return {
      sql: parts.length === 0 ? '' : `WHERE ${parts.map(({ sql }) => sql).join(' AND ')}`,
      parameters: parts.flatMap(({ parameters }) => parameters),
    };
  }

  #rarestFirst(words: readonly string[]): string[] {
    const sizeIn = (table: string, match: string) =>
      this.#db.rows<{ n: number }>(
        `SELECT count(*) AS n FROM (SELECT 1 FROM ${table} WHERE ${table} MATCH ? LIMIT ${often})`,
        [match],
      )[0]!.n;
    const sizeOf = (word: string) => {
      const match = toMatchExpression(word.replaceAll('"', ' '));
      return match === null ? 0 : sizeIn('trace_search', match) + sizeIn('image_search', match);
    };
    return words
      .map((word) => ({ word, size: sizeOf(word) }))
      .sort((one, other) => one.size - other.size)
      .map(({ word }) => word);
  }

  /** Upper and lower case are one, also in Cyrillic, which SQLite by itself does not fold. */
  #mentions(word: string, noIndex: '' | '+' = ''): Condition {
    const match = toMatchExpression(word.replaceAll('"', ' '));
    const folded = word.toLowerCase();
    const holds = ({ text }: { readonly text: string }) => text.toLowerCase().includes(folded);
    const prompts = this.#prompts.list().filter(holds);
    const models = this.#db
      .rows<{ id: number; text: string }>('SELECT id, name AS text FROM models')
      .filter(holds);
    const found: Condition[] = [];
    if (match !== null) {
      found.push(
        {
          sql: `${noIndex}trace_list.imageId IN (SELECT rowid FROM image_search WHERE image_search MATCH ?)`,
          parameters: [`{code name fileName tags note findings} : (${match})`],
        },
        {
          sql: `${noIndex}trace_list.traceId IN (SELECT rowid FROM trace_search WHERE trace_search MATCH ?)`,
          parameters: [match],
        },
      );
    }
    const byIds = (column: string, ids: readonly number[]) => {
      if (ids.length > 0)
        found.push({ sql: `${noIndex}trace_list.${column} IN (${ids.join(', ')})`, parameters: [] });
    };
    byIds(
      'promptId',
      prompts.map(({ id }) => id),
    );
    byIds(
      'modelId',
      models.map(({ id }) => id),
    );
    if (/^#?\d+$/.test(word)) byIds('traceId', [Number(word.replace('#', ''))]);
    return found.length === 0
      ? { sql: '0', parameters: [] }
      : {
          sql: `(${found.map(({ sql }) => sql).join(' OR ')})`,
          parameters: found.flatMap(({ parameters }) => parameters),
        };
  }
}

function among(ids: readonly number[]): Condition {
  return {
    sql: 'WHERE traceId IN (SELECT value FROM json_each(?))',
    parameters: [JSON.stringify(ids)],
  };
}
