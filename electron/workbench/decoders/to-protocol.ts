import type { DecodedField, DecodedLayer } from '../../contract/protocols/decoded.ts';
import type { DecodedValue } from '../../decoder/file/apply-decoder.ts';
import type { DecoderHead } from '../../decoder/fit/decoder.ts';
import { applies, createProtocol, roundToField, type Protocol } from '../../protocol/protocol.ts';
import { realiseProtocol } from '../../protocol/realise.ts';
import { isNumeric, valueSetOf } from '../../protocol/schema.ts';
import { fundusSchema } from '../protocols/protocol-form.ts';

/**
 * One field as it is shown: assessed only where one value is left, and where the head read more than shuffled labels would
 * on patients left out. A finding that is there in an unknown amount is `present`.
 */
export function toDecodedField(value: DecodedValue, head: DecoderHead | undefined): DecodedField {
  const { field, probabilities, low, high, set, layer } = value;
  const common = {
    field,
    kind: head?.kind ?? 'categorical',
    probabilities: probabilities.map((each) => ({ values: [...each.values], probability: each.probability })),
    possible: [...value.possible],
    low,
    high,
    set,
    layer,
  };
  if (head === undefined || value.reason === 'not-learnt') {
    return { ...common, status: 'not-learnt', value: null, certainty: null };
  }
  const said = readsMoreThanChance(head) ? settle(value, head) : null;
  if (said === null) return { ...common, status: 'abstained', value: null, certainty: value.probability };
  return { ...common, status: 'assessed', ...said };
}

/** Whether the whole interval of the head's score lies above what shuffled labels reach. */
function readsMoreThanChance({ scores, kind }: DecoderHead): boolean {
  const measure = kind === 'number' ? 'r2' : kind === 'binary' ? 'auroc' : 'mean-auroc';
  const { low } = scores[measure] ?? { low: null };
  const chance = Math.max(scores['shuffled']?.value ?? 0, kind === 'number' ? 0 : 0.5);
  return low !== null && low > chance;
}

type Said = Pick<DecodedField, 'value' | 'certainty' | 'possible'>;

function settle(
  { field: id, value, probability, possible, probabilities, low, high }: DecodedValue,
  head: DecoderHead,
): Said | null {
  const field = fundusSchema.fields.get(id);
  if (head.kind === 'number') {
    if (typeof value !== 'number' || low === null || high === null) return null;
    const { min, max } = field?.limits ?? { min: -Infinity, max: Infinity };
    const bounded = Math.min(max, Math.max(min, value));
    return {
      value: field === undefined ? bounded : roundToField(fundusSchema, id, bounded),
      certainty: null,
      possible: [],
    };
  }
  if (value !== null) return { value, certainty: probability, possible: [...possible] };
  const set = field === undefined ? null : valueSetOf(fundusSchema, field);
  const { unquantified, ordered } = set ?? {};
  if (unquantified === undefined || ordered === undefined || possible.length === 0) return null;
  if (possible.includes(ordered[0]!)) return null;
  const there = probabilities.filter(({ values }) => !values.includes(ordered[0]!));
  const certainty = there.reduce((sum, each) => sum + each.probability, 0);
  return { value: unquantified, certainty: Math.min(1, certainty), possible: [...possible] };
}

/** Fields of one image as a protocol and its text; whatever is not assessed stands in neither as normal. */
export function toDecodedLayer(
  layer: number | null,
  fields: readonly DecodedField[],
  about: { readonly image: string; readonly observer: string },
): DecodedLayer {
  const protocol: Protocol = createProtocol(fundusSchema, about);
  for (const { field: id, status, value, certainty } of fields) {
    const field = fundusSchema.fields.get(id);
    if (field === undefined || status !== 'assessed' || value === null) continue;
    if (isNumeric(field) !== (typeof value === 'number')) continue;
    if (applies(field, protocol)) protocol.values[id] = { value, source: 'decoder', certainty };
  }
  return {
    layer,
    fields: [...fields],
    protocol,
    text: {
      en: realiseProtocol(fundusSchema, protocol, 'en'),
      ru: realiseProtocol(fundusSchema, protocol, 'ru'),
    },
  };
}
