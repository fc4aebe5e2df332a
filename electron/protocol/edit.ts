import { ProtocolError } from './protocol-error.ts';
import {
  applies,
  checkValue,
  valueOf,
  type Protocol,
  type ProtocolValue,
  type ValueSource,
} from './protocol.ts';
import { isCoded, isNumeric, requireField, type ProtocolSchema } from './schema.ts';
import type { ProtocolField } from './schema-format.ts';

/** Where a value comes from and how sure it is. */
export interface ValueOrigin {
  readonly source?: ValueSource;
  /** 0–1; null when not stated. */
  readonly certainty?: number | null;
}

/**
 * Sets one field; null enters *not assessed* with its origin, such as a decoder that abstains.
 *
 * Details that no longer have their place are removed: the area of exudates goes when there are none.
 *
 * @returns a new protocol
 * @throws ProtocolError for an unknown field, a value that the field does not allow, or a detail without its place
 */
export function setValue(
  schema: ProtocolSchema,
  protocol: Protocol,
  fieldId: string,
  value: ProtocolValue,
  { source = 'manual', certainty = null }: ValueOrigin = {},
): Protocol {
  const field = requireField(schema, fieldId);
  const problem = value === null ? null : checkValue(schema, field, value);
  if (problem !== null) {
    throw new ProtocolError(`"${field.title.en}" cannot have this value.`, {
      expected: problem.expected,
      found: problem.found,
    });
  }
  if (value !== null && !applies(field, protocol)) {
    const { field: parent, values } = field.when!;
    throw new ProtocolError(`"${field.title.en}" has no place in this protocol.`, {
      expected: `${parent} to be ${values.join(' or ')}`,
      found: valueOf(protocol, parent)?.toString() ?? 'not assessed',
      advice: `Enter ${parent} first.`,
    });
  }
  const edited = { ...protocol, values: { ...protocol.values, [fieldId]: { value, source, certainty } } };
  return dropOrphans(schema, edited);
}

/** Takes a field's entry away: it counts as not assessed again. */
export function clearValue(schema: ProtocolSchema, protocol: Protocol, fieldId: string): Protocol {
  requireField(schema, fieldId);
  const values = Object.fromEntries(Object.entries(protocol.values).filter(([id]) => id !== fieldId));
  return dropOrphans(schema, { ...protocol, values });
}

/** Takes all entries of a group away. */
export function clearGroup(schema: ProtocolSchema, protocol: Protocol, groupId: string): Protocol {
  const fields = fieldsOf(schema, groupId);
  const values = Object.fromEntries(
    Object.entries(protocol.values).filter(([id]) => !fields.some((field) => field.id === id)),
  );
  return { ...protocol, values };
}

/**
 * Enters the normal value in every field of a group that was not assessed yet.
 *
 * What was entered before stays, and no number is invented: fields without a normal value remain not assessed.
 */
export function setGroupNormal(schema: ProtocolSchema, protocol: Protocol, groupId: string): Protocol {
  return fieldsOf(schema, groupId).reduce((edited, field) => {
    const normal = field.normal?.[0];
    if (normal === undefined || valueOf(edited, field.id) !== null || !applies(field, edited)) return edited;
    return setValue(schema, edited, field.id, normal);
  }, protocol);
}

/** Says whether a value departs from normal; null where the schema does not say what is normal, or nothing was assessed. */
export function isAbnormal(field: ProtocolField, value: ProtocolValue): boolean | null {
  if (value === null) return null;
  if (isNumeric(field)) {
    const range = field.normalRange;
    if (range === undefined || typeof value !== 'number') return null;
    return value < (range.min ?? -Infinity) || value > (range.max ?? Infinity);
  }
  if (field.normal === undefined) return null;
  return isCoded(field) ? !field.normal.includes(String(value)) : value !== '';
}

function fieldsOf(schema: ProtocolSchema, groupId: string): readonly ProtocolField[] {
  const group = schema.groups.find(({ id }) => id === groupId);
  if (group !== undefined) return group.fields;
  throw new ProtocolError('The protocol has no such group.', {
    expected: schema.groups.map(({ id }) => id).join(', '),
    found: groupId,
  });
}

function dropOrphans(schema: ProtocolSchema, protocol: Protocol): Protocol {
  const values = Object.fromEntries(
    Object.entries(protocol.values).filter(([id]) => applies(requireField(schema, id), protocol)),
  );
  return { ...protocol, values };
}
