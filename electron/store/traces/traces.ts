import { sql } from 'kysely';
import type { RawBuilder, Selectable, SqlBool } from 'kysely';
import type { Laterality } from '../../contract/laterality.ts';
import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import type { ConceptTrace, LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { AuditLog } from '../audit-log.ts';
import type { ConceptSets } from '../concept-sets.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { toMatchExpression } from '../database/search-text.ts';
import type { Models } from '../models.ts';
import type { Prompts } from '../prompts.ts';
import type { TracesTable } from '../database/tables.ts';
import type { TraceArrays } from './trace-arrays.ts';
import { TraceDocuments } from './trace-documents.ts';
import { joinTrace, splitTrace } from './trace-document.ts';
import type { NamedArray } from './trace-document.ts';

/** A trace as lists show it: its provenance without its numbers. */
export type TraceSummary = Omit<Selectable<TracesTable>, 'document' | 'documentBytes' | 'dictionaryId'> & {
  readonly modelName: string;
  readonly promptText: string;
  /** null without an image of the library. */
  readonly laterality: Laterality | null;
  readonly fileName: string | null;
  readonly patientCode: string | null;
  readonly visitDate: string | null;
  readonly visitLabel: string | null;
};

export interface TraceContext {
  /** null for a control without an image of the library. */
  readonly imageId: number | null;
  /** What the trace is unique by; null to store it in any case. */
  readonly contentKey: string | null;
  readonly conceptSet: ConceptSet | null;
  /** Arrays beyond the trace's own, such as hidden states. */
  readonly extraArrays?: readonly NamedArray[];
}

export interface TraceFilter {
  readonly imageId?: number;
  readonly modelId?: number;
  readonly groupId?: number;
  /** Every word occurs in patient, file, tags, findings, notes, prompt, answer or model; a number is also an id. */
  readonly text?: string;
  readonly lateralities?: readonly Laterality[];
  readonly order?: 'newest' | 'oldest' | 'patient';
  readonly limit: number;
  /** As many are left out at the beginning of the order. */
  readonly skip?: number;
  /** Only traces made before this one. */
  readonly beforeId?: number;
}

export interface TraceAggregates {
  readonly models: Models;
  readonly prompts: Prompts;
  readonly conceptSets: ConceptSets;
  readonly arrays: TraceArrays;
  readonly audit: AuditLog;
}

export class Traces {
  readonly #db: Database;
  readonly #to: TraceAggregates;
  readonly #now: () => Date;
  readonly #documents: TraceDocuments;

  constructor(db: Database, aggregates: TraceAggregates, now: () => Date) {
    this.#db = db;
    this.#to = aggregates;
    this.#now = now;
    this.#documents = new TraceDocuments(db);
  }

  /**
   * Stores a trace with everything needed to repeat it, in one transaction.
   *
   * @returns its id, or the id of the trace already stored under the same content key
   */
  insert(trace: LensTrace, { imageId, contentKey, conceptSet, extraArrays = [] }: TraceContext): number {
    return this.#db.transaction(() => {
      const known = contentKey === null ? undefined : this.findByContentKey(contentKey);
      if (known !== undefined) return known;
      const { document, arrays } = splitTrace(trace);
      const modelId = this.#to.models.ensure(trace.model);
      const { lastInsertRowid } = this.#db.run(
        query.insertInto('traces').values({
          contentKey,
          imageId,
          modelId,
          promptId: this.#to.prompts.ensure(trace.prompt.text),
          conceptSetId: conceptSet === null ? null : this.#to.conceptSets.ensure(conceptSet),
          schema: trace.schema,
          imageSha256: trace.image?.sha256 ?? null,
          modelSha256: trace.model.sha256,
          lens: trace.lens,
          weightDtype: trace.model.weightDtype,
          provider: trace.model.provider,
          softwareVersion: trace.software.version,
          numLayers: trace.layers.length,
          numPositions: trace.positions.length,
          topK: trace.topK,
          gateMaxAbsDiff: trace.gate.maxAbsDiff,
          generatedText: trace.generated.text,
          ...this.#documents.pack(document, trace),
          createdAt: this.#now().toISOString(),
        }),
      );
      const traceId = Number(lastInsertRowid);
      for (const array of [...arrays, ...extraArrays]) this.#to.arrays.insert(traceId, array);
      for (const concept of trace.concepts) {
        const row = { traceId, imageId, modelId, ...summarise(concept, trace) };
        this.#db.run(query.insertInto('trace_concepts').values(row));
      }
      return traceId;
    });
  }

  findByContentKey(contentKey: string): number | undefined {
    return this.#db.get(query.selectFrom('traces').select('id').where('contentKey', '=', contentKey))?.id;
  }

  /** The whole trace, bit for bit as it was stored. */
  get(id: number): LensTrace {
    const row = this.#db.get(
      query.selectFrom('traces').select(['document', 'documentBytes', 'dictionaryId']).where('id', '=', id),
    );
    const document = this.#documents.unpack(found(row, 'such trace'));
    return joinTrace(document, (name) => this.#to.arrays.read(id, name));
  }

  summary(id: number): TraceSummary {
    return found(this.#db.get(summaries().where('traces.id', '=', id)), 'such trace');
  }

  /** Newest first unless another order is asked for; traces without a patient come last in that of patients. */
  list(filter: TraceFilter): TraceSummary[] {
    const { imageId, modelId, groupId, lateralities, text, order = 'newest', limit, skip = 0 } = filter;
    const { beforeId } = filter;
    let rows = summaries().limit(limit).offset(skip);
    if (order === 'patient') {
      rows = rows
        .orderBy((sorted) => sorted('patients.codeKey', 'is', null))
        .orderBy('patients.codeKey')
        .orderBy('visits.date')
        .orderBy('images.laterality', 'desc');
    }
    rows = rows.orderBy('traces.id', order === 'newest' ? 'desc' : 'asc');
    if (lateralities !== undefined) rows = rows.where('images.laterality', 'in', lateralities);
    for (const word of text?.split(/\s+/).filter((part) => part !== '') ?? []) {
      rows = rows.where(this.#mentions(word));
    }
    if (imageId !== undefined) rows = rows.where('traces.imageId', '=', imageId);
    if (modelId !== undefined) rows = rows.where('traces.modelId', '=', modelId);
    if (beforeId !== undefined) rows = rows.where('traces.id', '<', beforeId);
    if (groupId !== undefined) {
      rows = rows.where('traces.imageId', 'in', (images) =>
        images.selectFrom('group_images').select('imageId').where('groupId', '=', groupId),
      );
    }
    return this.#db.all(rows);
  }

  /** Upper and lower case are one, also in Cyrillic, which SQLite by itself does not fold. */
  #mentions(word: string): RawBuilder<SqlBool> {
    const match = toMatchExpression(word.replaceAll('"', ' '));
    const folded = word.toLowerCase();
    const prompts = this.#to.prompts
      .list()
      .filter(({ text }) => text.toLowerCase().includes(folded))
      .map(({ id }) => id);
    const spellings = [
      word,
      folded,
      word.toUpperCase(),
      `${folded.charAt(0).toUpperCase()}${folded.slice(1)}`,
    ];
    const found = [
      ...(match === null
        ? []
        : [
            sql<SqlBool>`traces.imageId IN (SELECT rowid FROM image_search
              WHERE image_search MATCH ${`{code name fileName tags note findings} : (${match})`})`,
          ]),
      ...(prompts.length === 0 ? [] : [sql<SqlBool>`traces.promptId IN (${sql.join(prompts)})`]),
      ...[...new Set(spellings)].map((text) => sql<SqlBool>`instr(traces.generatedText, ${text}) > 0`),
      sql<SqlBool>`instr(lower(models.name), ${folded}) > 0`,
      ...(/^#?\d+$/.test(word) ? [sql<SqlBool>`traces.id = ${Number(word.replace('#', ''))}`] : []),
    ];
    return sql<SqlBool>`(${sql.join(found, sql` OR `)})`;
  }

  count(): number {
    return this.#db.rows<{ n: number }>('SELECT count(*) AS n FROM traces')[0]!.n;
  }

  /** What each concept came to, without reading the arrays. */
  concepts(id: number) {
    return this.#db.all(
      query.selectFrom('trace_concepts').selectAll().where('traceId', '=', id).orderBy('conceptId'),
    );
  }

  /**
   * Compresses the documents of traces from before they were, a few at a time.
   *
   * @returns how many were compressed; 0 when none is left
   */
  compactSome(limit: number): number {
    return this.#db.transaction(() => {
      const rows = this.#db.all(
        query.selectFrom('traces').select(['id', 'document']).where('documentBytes', 'is', null).limit(limit),
      );
      for (const { id, document } of rows) {
        const packed = this.#documents.pack(document, this.get(id));
        this.#db.run(query.updateTable('traces').set(packed).where('id', '=', id));
      }
      return rows.length;
    });
  }

  remove(id: number): void {
    this.#db.transaction(() => {
      const { modelSha256, imageId } = this.summary(id);
      this.#db.run(query.deleteFrom('traces').where('id', '=', id));
      this.#documents.removeUnused();
      this.#to.audit.append('trace.remove', `trace ${id}`, { modelSha256, imageId });
    });
  }
}

function summaries() {
  return query
    .selectFrom('traces')
    .innerJoin('models', 'models.id', 'traces.modelId')
    .innerJoin('prompts', 'prompts.id', 'traces.promptId')
    .leftJoin('images', 'images.id', 'traces.imageId')
    .leftJoin('patients', 'patients.id', 'images.patientId')
    .leftJoin('visits', 'visits.id', 'images.visitId')
    .select([
      'traces.id',
      'traces.contentKey',
      'traces.imageId',
      'traces.modelId',
      'traces.promptId',
      'traces.conceptSetId',
      'traces.schema',
      'traces.imageSha256',
      'traces.modelSha256',
      'traces.lens',
      'traces.weightDtype',
      'traces.provider',
      'traces.softwareVersion',
      'traces.numLayers',
      'traces.numPositions',
      'traces.topK',
      'traces.gateMaxAbsDiff',
      'traces.generatedText',
      'traces.createdAt',
      'models.name as modelName',
      'prompts.text as promptText',
      'images.laterality',
      'images.fileName',
      'patients.code as patientCode',
      'visits.date as visitDate',
      'visits.label as visitLabel',
    ]);
}

/** Emergence at the last traced position, and the earliest of all positions; final values at the last layer. */
function summarise(concept: ConceptTrace, trace: LensTrace) {
  const { layers, controlLogOdds } = concept.emergence;
  const emerged = layers.filter((layer) => layer !== null);
  const last = trace.layers.length * trace.positions.length - 1;
  return {
    conceptId: concept.id,
    role: concept.role,
    emergenceLayer: layers.at(-1) ?? null,
    earliestLayer: emerged.length === 0 ? null : Math.min(...emerged),
    finalRank: concept.rank[last] ?? 0,
    finalLogProb: concept.logProb[last] ?? 0,
    controlled: controlLogOdds === null ? 0 : 1,
  };
}
