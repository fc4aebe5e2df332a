import { sql } from 'kysely';
import type { Selectable, SqlBool } from 'kysely';
import type { Laterality } from '../../contract/laterality.ts';
import type { TraceVerdictState } from '../../contract/traces/traces.ts';
import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import type { ConceptTrace, LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { AuditLog } from '../audit-log.ts';
import type { ConceptSets } from '../concept-sets.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import type { Models } from '../models.ts';
import type { Prompts } from '../prompts.ts';
import type { TracesTable } from '../database/tables.ts';
import type { TraceArrays } from './trace-arrays.ts';
import { TraceCurves } from './trace-curves.ts';
import { TraceList } from './trace-list.ts';
import type { TraceChoice, TraceFilter } from './trace-list.ts';
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
  /** null when not worked out yet. */
  readonly verdict: TraceVerdictState | null;
  readonly subjectId: string | null;
  readonly layer: number | null;
  readonly readableCount: number | null;
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
  readonly #curves: TraceCurves;
  /** What they are found by. */
  readonly listed: TraceList;

  constructor(db: Database, aggregates: TraceAggregates, now: () => Date) {
    this.#db = db;
    this.#to = aggregates;
    this.#now = now;
    this.#documents = new TraceDocuments(db);
    this.#curves = new TraceCurves(db);
    this.listed = new TraceList(db, aggregates.prompts);
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
      this.listed.judge(traceId, trace);
      this.#curves.insert(traceId, trace);
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
    const arrays = this.#to.arrays.readAll(id);
    return joinTrace(this.document(id), (name) => found(arrays.get(name), `array ${name} of trace ${id}`));
  }

  /** Everything but the arrays, as JSON. */
  document(id: number): string {
    const row = this.#db.get(
      query.selectFrom('traces').select(['document', 'documentBytes', 'dictionaryId']).where('id', '=', id),
    );
    return this.#documents.unpack(found(row, 'such trace', id));
  }

  summary(id: number): TraceSummary {
    return found(this.#db.get(summaries().where('traces.id', '=', id)), 'such trace', id);
  }

  /** One page, in the order asked for. */
  list(filter: TraceFilter): TraceSummary[] {
    const ids = this.listed.ids(filter);
    const rows = this.#db.all(
      summaries().where(sql<SqlBool>`traces.id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`),
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.flatMap((id) => byId.get(id) ?? []);
  }

  count(choice: TraceChoice = {}): number {
    return this.listed.count(choice);
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

  /**
   * Works out the short verdicts of traces from before lists had them, a few at a time.
   *
   * @returns how many; 0 when none is left
   */
  judgeSome(limit: number): number {
    return this.#db.transaction(() => {
      const ids = this.listed.unjudged(limit);
      for (const id of ids) this.listed.judge(id, this.get(id));
      return ids.length;
    });
  }

  /**
   * Keeps the curves of traces that have none yet, a few at a time.
   *
   * @returns how many; 0 when none is left
   */
  drawCurvesOfSome(limit: number): number {
    return this.#db.transaction(() => {
      const ids = this.#curves.missing(limit);
      for (const id of ids) this.#curves.insert(id, this.get(id));
      return ids.length;
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
    .leftJoin('trace_list', 'trace_list.traceId', 'traces.id')
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
      'trace_list.verdict',
      'trace_list.subjectId',
      'trace_list.layer',
      'trace_list.readableCount',
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
