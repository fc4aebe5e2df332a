import type { ImageFilter } from '../../contract/image-query.ts';
import { toMatchExpression } from '../database/search-text.ts';

/** SQL of a condition and the values of its question marks. */
export interface Condition {
  readonly sql: string;
  readonly parameters: readonly (string | number | null)[];
}

/** The conditions of a filter on `images`, to be joined by AND. */
export function toConditions(filter: ImageFilter): Condition[] {
  const conditions: Condition[] = [];
  const add = (sql: string, ...parameters: (string | number | null)[]) => {
    conditions.push({ sql, parameters });
  };
  const oneOf = (column: string, values: readonly (string | number)[] | undefined) => {
    if (values === undefined) return;
    if (values.length === 1) add(`${column} = ?`, values[0]!);
    else add(`${column} IN (${values.map(() => '?').join(', ')})`, ...values);
  };

  const match = filter.text === undefined ? null : toMatchExpression(filter.text);
  if (match !== null) {
    add('images.id IN (SELECT rowid FROM image_search WHERE image_search MATCH ?)', match);
  }
  oneOf('images.laterality', filter.lateralities);
  oneOf('images.modality', filter.modalities);
  oneOf('images.format', filter.formats);
  oneOf('images.quality', filter.qualities);
  oneOf('images.id', filter.ids);
  if (filter.capturedFrom !== undefined) add('images.capturedKey >= ?', filter.capturedFrom);
  if (filter.capturedTo !== undefined) {
    // A day includes its last second; every character of a time sorts before U+FFFF.
    add("images.capturedKey > '' AND images.capturedKey <= ?", `${filter.capturedTo}\uFFFF`);
  }
  if (filter.patientId === null) add('images.patientId IS NULL');
  else if (filter.patientId !== undefined) add('images.patientId = ?', filter.patientId);
  if (filter.visitId !== undefined) add('images.visitId = ?', filter.visitId);
  if (filter.groupId !== undefined) {
    add('images.id IN (SELECT imageId FROM group_images WHERE groupId = ?)', filter.groupId);
  }
  for (const tagId of filter.tagIds ?? []) {
    add('images.id IN (SELECT imageId FROM image_tags WHERE tagId = ?)', tagId);
  }
  if (filter.traced !== undefined) conditions.push(tracedCondition(filter.traced));
  if (filter.emergence !== undefined) conditions.push(emergenceCondition(filter.emergence));
  return conditions;
}

function tracedCondition({ is, modelId }: NonNullable<ImageFilter['traced']>): Condition {
  if (modelId === undefined) {
    return { sql: is ? 'images.traceCount > 0' : 'images.traceCount = 0', parameters: [] };
  }
  const exists = 'EXISTS (SELECT 1 FROM traces WHERE traces.imageId = images.id AND traces.modelId = ?)';
  // The count of traces is in an index, and spares most images the look into the traces.
  const sql = is ? `images.traceCount > 0 AND ${exists}` : `images.traceCount = 0 OR NOT ${exists}`;
  return { sql, parameters: [modelId] };
}

/** "Never" is asked for by itself; a range alone leaves images without emergence out. */
function emergenceCondition(emergence: NonNullable<ImageFilter['emergence']>): Condition {
  const { conceptId, modelId, from, to, never = false } = emergence;
  const ranged = from !== undefined || to !== undefined || !never;
  const parameters: (string | number)[] = [conceptId];
  const alternatives: string[] = [];
  if (ranged) {
    alternatives.push('emergenceLayer BETWEEN ? AND ?');
    parameters.push(from ?? 1, to ?? Number.MAX_SAFE_INTEGER);
  }
  if (never) alternatives.push('emergenceLayer IS NULL');
  if (modelId !== undefined) parameters.push(modelId);
  return {
    sql: `images.id IN (SELECT imageId FROM trace_concepts WHERE conceptId = ?
      AND (${alternatives.join(' OR ')})${modelId === undefined ? '' : ' AND modelId = ?'})`,
    parameters,
  };
}
