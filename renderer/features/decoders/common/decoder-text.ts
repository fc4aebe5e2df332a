import type { DecodedField } from '../../../../electron/contract/protocols/decoded.ts';
import type { DecoderSummary } from '../../../../electron/contract/protocols/decoders.ts';
import type { DecoderReport } from '../../../../electron/contract/protocols/decoder-report.ts';
import type { ProtocolSchema } from '../../../../electron/protocol/schema.ts';
import { valueSetOf } from '../../../../electron/protocol/schema.ts';
import type { ProtocolLanguage } from '../../../../electron/protocol/schema-format.ts';

export type FittedField = Extract<DecoderReport['fields'][number], { status: 'fitted' }>;
export type Estimate = DecoderSummary['fields'][number]['score'];

/** What may be said of a field: see `judge`. */
export type Claim = 'encoded' | 'not-above-pixels' | 'not-shown';

/**
 * A field is encoded where its score stays above that of shuffled labels: the lower bound of the one above the upper
 * bound of the other. Where pixels alone score as high, the layer adds nothing that was shown.
 */
export function judge({ chosen, curves }: Pick<FittedField, 'chosen' | 'curves'>): Claim {
  if (!isAboveShuffled(chosen)) return 'not-shown';
  const pixels = curves.find(({ set }) => set === 'pixels')?.points[0]?.score.value ?? null;
  return pixels !== null && chosen.score.low! <= pixels ? 'not-above-pixels' : 'encoded';
}

/** A score and the same with labels shuffled between patients. */
export interface ReadScore {
  readonly score: Estimate;
  readonly shuffled: Estimate;
}

/** Whether the intervals lie apart; false where one of them is not known. */
export function isAboveShuffled({ score, shuffled }: ReadScore): boolean {
  const chance = shuffled.high ?? shuffled.value;
  return score.low !== null && chance !== null && score.low > chance;
}

/** Where a field was read and how well that is read on other patients. */
export function scoreAt(
  report: DecoderReport | null,
  { field, set, layer }: Pick<DecodedField, 'field' | 'set' | 'layer'>,
): ReadScore | null {
  const fitted = report?.fields.find((each) => each.field === field);
  if (fitted?.status !== 'fitted') return null;
  if (fitted.chosen.set === set && fitted.chosen.layer === layer) return fitted.chosen;
  const curve = fitted.curves.find((each) => each.set === set);
  return curve?.points.find((point) => point.layer === layer) ?? null;
}

/** The words of a value in a language: a code's title, a number with its decimal sign and unit, a text. */
export function wordsOfValue(
  schema: ProtocolSchema,
  fieldId: string,
  value: string | number,
  language: ProtocolLanguage,
): string {
  const field = schema.fields.get(fieldId);
  if (field === undefined) return String(value);
  if (typeof value === 'number') {
    const unit = field.unit === undefined ? '' : ` ${field.unit.title[language]}`;
    return `${String(value).replace('.', schema.languages[language].decimal)}${unit}`;
  }
  const code = valueSetOf(schema, field)?.values.find((each) => each.code === value);
  return code?.title[language] ?? value;
}
