import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { answerIndex, emergenceAt, layerCurve } from '../../engine/lens-trace/reading.ts';
import { query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { neverReadable, notAsked } from '../database/tables.ts';

/** Keeps the curves of a trace's concepts in a row of their own, beside the trace. */
export class TraceCurves {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Call inside a transaction. */
  insert(traceId: number, trace: LensTrace): void {
    const { concepts, layers } = trace;
    const place = answerIndex(trace);
    const isOfWords = concepts.some(({ words }) => words !== undefined);
    const logProbs = new Float32Array(concepts.length * layers.length);
    for (const [index, concept] of concepts.entries()) {
      const curve = concept.words?.logProb ?? layerCurve(trace, concept.logProb, place);
      logProbs.set(curve, index * layers.length);
    }
    const emergence = concepts.map((concept) => {
      const layer = emergenceAt(trace, concept, place);
      return layer === 'never' ? neverReadable : layer === 'not-asked' ? notAsked : layer;
    });
    this.#db.run(
      query.insertInto('trace_curves').values({
        traceId,
        conceptsId: this.#ensureConcepts(JSON.stringify(concepts.map(({ id }) => id))),
        reading: isOfWords ? 'words' : 'first-tokens',
        numLayers: layers.length,
        logProbs: Buffer.from(logProbs.buffer),
        emergence: Buffer.from(emergence),
      }),
    );
  }

  /** Traces from before there were curves, and those that came back from the trash. */
  missing(limit: number): number[] {
    return this.#db
      .rows<{ id: number }>(
        'SELECT id FROM traces WHERE id NOT IN (SELECT traceId FROM trace_curves) ORDER BY id DESC LIMIT ?',
        [limit],
      )
      .map(({ id }) => id);
  }

  #ensureConcepts(conceptIds: string): number {
    const known = query.selectFrom('curve_concepts').select('id').where('conceptIds', '=', conceptIds);
    return (
      this.#db.get(known)?.id ??
      Number(this.#db.run(query.insertInto('curve_concepts').values({ conceptIds })).lastInsertRowid)
    );
  }
}
