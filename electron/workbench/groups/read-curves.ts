import type { Database } from '../../store/database/database.ts';
import { neverReadable, notAsked } from '../../store/database/tables.ts';
import type { CurveReading } from '../../store/database/tables.ts';
import { patientKey } from '../patients/patient-key.ts';

export interface CurveQuestion {
  readonly groupId: number;
  readonly modelId: number;
  /** null for any prompt. */
  readonly promptText: string | null;
  /** In the order of the result. */
  readonly conceptIds: readonly string[];
}

/** One photograph's concepts where the answer begins, in the order that was asked for. */
export interface PhotographCurves {
  readonly patient: string;
  /** float32 [concepts, N], nats. */
  readonly logProbs: Float32Array;
  /** By concept: the layer from which on it is readable, null for never, undefined where it was not asked. */
  readonly emergence: readonly (number | null | undefined)[];
}

export interface GroupCurves {
  readonly reading: CurveReading;
  /** N = L + 1; 0 of no photograph. */
  readonly numLayers: number;
  readonly photographs: readonly PhotographCurves[];
  /** Traces whose curves have not been read into the table yet. */
  readonly numUnread: number;
  /** Photographs whose newest trace was read another way, or with a set that lacks one of the concepts. */
  readonly numOther: number;
}

interface Row {
  readonly imageId: number;
  readonly patientId: number | null;
  readonly conceptsId: number | null;
  readonly reading: CurveReading;
  readonly numLayers: number;
  readonly logProbs: Buffer;
  readonly emergence: Buffer;
}

/** By group, the newest trace of each image: of the logit lens, by one model, with one prompt or any. */
const newest = `
  SELECT images.id AS imageId, images.patientId, trace_curves.*
  FROM (
    SELECT trace_list.imageId, max(trace_list.traceId) AS newestId FROM group_images
    JOIN trace_list ON trace_list.imageId = group_images.imageId
    WHERE group_images.groupId = ? AND trace_list.modelId = ? AND trace_list.lens = 'logit'
      AND (? IS NULL OR trace_list.promptId IN (SELECT id FROM prompts WHERE text = ?))
    GROUP BY trace_list.imageId
  ) JOIN images ON images.id = imageId LEFT JOIN trace_curves ON trace_curves.traceId = newestId
  ORDER BY images.id`;

/** Reads what statistics of a group need, and nothing else of its traces. */
export function readGroupCurves(
  db: Database,
  { groupId, modelId, promptText, conceptIds }: CurveQuestion,
): GroupCurves {
  const rows = db.rows<Row>(newest, [groupId, modelId, promptText, promptText]);
  const read = rows.filter(({ conceptsId }) => conceptsId !== null);
  const reading = read.some((row) => row.reading === 'words') ? 'words' : 'first-tokens';
  const numLayers = read[0]?.numLayers ?? 0;
  const places = new Map(
    db
      .rows<{ id: number; conceptIds: string }>('SELECT id, conceptIds FROM curve_concepts')
      .map(({ id, conceptIds: json }) => {
        const ids = JSON.parse(json) as string[];
        return [id, conceptIds.map((concept) => ids.indexOf(concept))] as const;
      }),
  );
  const photographs = read.flatMap((row): PhotographCurves[] => {
    const columns = places.get(row.conceptsId!)!;
    if (row.reading !== reading || row.numLayers !== numLayers || columns.includes(-1)) return [];
    const all = new Float32Array(new Uint8Array(row.logProbs).buffer);
    const logProbs = new Float32Array(columns.length * numLayers);
    for (const [index, column] of columns.entries())
      logProbs.set(all.subarray(column * numLayers, (column + 1) * numLayers), index * numLayers);
    return [
      {
        patient: patientKey({ id: row.imageId, patientId: row.patientId }),
        logProbs,
        emergence: columns.map((column) => layerOf(row.emergence[column]!)),
      },
    ];
  });
  return {
    ...{ reading, numLayers, photographs },
    numUnread: rows.length - read.length,
    numOther: read.length - photographs.length,
  };
}

function layerOf(stored: number): number | null | undefined {
  return stored === notAsked ? undefined : stored === neverReadable ? null : stored;
}
