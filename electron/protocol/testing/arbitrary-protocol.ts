import fc from 'fast-check';
import { createProtocol, applies, valueSources, type Protocol, type ProtocolEntry } from '../protocol.ts';
import { isCoded, isNumeric, valueSetOf, type ProtocolSchema } from '../schema.ts';
import type { ProtocolField } from '../schema-format.ts';

/**
 * Random valid protocols for property tests: sparse and full ones, whole groups left out, every source, texts with
 * quotation marks, line breaks and the protocol's own words in them.
 */
export function arbitraryProtocol(
  schema: ProtocolSchema,
  { text = true }: { readonly text?: boolean } = {},
): fc.Arbitrary<Protocol> {
  const entries = fc.record(
    Object.fromEntries(
      [...schema.fields.values()].map((field) => [field.id, arbitraryEntry(schema, field, text)]),
    ),
  );
  const weights = fc.record({
    chance: fc.constantFrom(0.1, 0.5, 0.9, 1),
    dice: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 128 }),
    silent: fc.subarray(schema.groups.map(({ id }) => id)),
    twins: fc.boolean(),
  });
  return fc.tuple(entries, weights).map(([all, { chance, dice, silent, twins }]) => {
    const protocol = createProtocol(schema);
    let at = 0;
    for (const field of schema.fields.values()) {
      const isSilent = silent.includes(schema.groupOf.get(field.id)!.id);
      if (isSilent || (dice[at++ % dice.length] ?? 0) > chance || !applies(field, protocol)) continue;
      protocol.values[field.id] = all[field.id]!;
    }
    if (twins) copyFirstOfMerges(schema, protocol);
    return protocol;
  });
}

function copyFirstOfMerges(schema: ProtocolSchema, protocol: Protocol): void {
  for (const { groups } of schema.merges) {
    const [first, ...others] = groups;
    for (const id of schema.fields.keys()) {
      if (!id.startsWith(`${first}.`)) continue;
      for (const other of others) {
        const twin = id.replace(`${first}.`, `${other}.`);
        const entry = protocol.values[id];
        if (entry === undefined) Reflect.deleteProperty(protocol.values, twin);
        else protocol.values[twin] = entry;
      }
    }
  }
}

function arbitraryEntry(
  schema: ProtocolSchema,
  field: ProtocolField,
  text: boolean,
): fc.Arbitrary<ProtocolEntry> {
  return fc.record({
    value: arbitraryValue(schema, field, text),
    source: fc.constantFrom(...valueSources),
    certainty: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  });
}

function arbitraryValue(
  schema: ProtocolSchema,
  field: ProtocolField,
  text: boolean,
): fc.Arbitrary<string | number | null> {
  if (isCoded(field)) return fc.constantFrom(...valueSetOf(schema, field)!.values.map(({ code }) => code));
  if (isNumeric(field)) {
    const scale = 10 ** field.decimals!;
    const { min, max } = field.limits!;
    const integers = fc.integer({ min: min * scale, max: Math.min(max * scale, 2 ** 31 - 1) });
    return fc.oneof(
      integers.map((value) => Number((value / scale).toFixed(field.decimals))),
      fc.constantFrom(min, max, ...Object.values(field.written ?? {})),
    );
  }
  if (field.pattern !== undefined) return fc.stringMatching(new RegExp(`^(?:${field.pattern})$`, 'u'));
  if (!text) return field.text?.en?.empty === undefined ? fc.constant(null) : fc.constant('');
  const words = fc
    .array(
      fc.constantFrom(
        '«',
        '»',
        '“',
        '”',
        '„',
        '"',
        '. ',
        ', ',
        ';',
        ' ',
        '\n',
        'друзы ДЗН',
        'rest not assessed',
        'ДЗН: ',
        'pale',
        '0,4',
      ),
      { minLength: 1, maxLength: 12 },
    )
    .map((parts) => parts.join(''));
  const any = fc.oneof(words, fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }));
  return field.text?.en?.empty === undefined ? any : fc.oneof(fc.constant(''), any);
}
