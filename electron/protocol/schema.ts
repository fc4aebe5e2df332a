import { z } from 'zod';
import { ProtocolError } from './protocol-error.ts';
import {
  codedKinds,
  numericKinds,
  protocolLanguages,
  protocolSchemaFile,
  schemaFormat,
  type ProtocolField,
  type ProtocolGroup,
  type ProtocolJoin,
  type ProtocolSchemaFile,
  type ProtocolValueSet,
} from './schema-format.ts';

/** A description protocol's fields with what is looked up again and again. */
export interface ProtocolSchema extends ProtocolSchemaFile {
  readonly fields: ReadonlyMap<string, ProtocolField>;
  /** Field id → its details, in the order of the file. */
  readonly details: ReadonlyMap<string, readonly ProtocolField[]>;
  /** Field id → its group. */
  readonly groupOf: ReadonlyMap<string, ProtocolGroup>;
  /** Field id → the join it belongs to. */
  readonly joinOf: ReadonlyMap<string, ProtocolJoin>;
}

/**
 * Reads a schema file that was imported as JSON, and checks that it hangs together: every reference leads somewhere,
 * every value can be said in every language.
 *
 * @throws ProtocolError with everything that is wrong
 */
export function readProtocolSchema(json: unknown): ProtocolSchema {
  const parsed = protocolSchemaFile.safeParse(json);
  if (!parsed.success) throw invalidSchema(z.prettifyError(parsed.error));
  const file = parsed.data;
  const schema: ProtocolSchema = {
    ...file,
    fields: new Map(file.groups.flatMap((group) => group.fields.map((field) => [field.id, field]))),
    details: Map.groupBy(
      file.groups.flatMap((group) => group.fields).filter((field) => field.when !== undefined),
      (field) => field.when!.field,
    ),
    groupOf: new Map(file.groups.flatMap((group) => group.fields.map((field) => [field.id, group]))),
    joinOf: new Map(
      file.groups.flatMap((group) =>
        (group.joins ?? []).flatMap((join) => join.fields.map((id) => [id, join])),
      ),
    ),
  };
  const faults = findFaults(schema);
  if (faults.length > 0) throw invalidSchema(faults.join('; '));
  return schema;
}

export function isCoded(field: ProtocolField): boolean {
  return codedKinds.some((kind) => kind === field.kind);
}

export function isNumeric(field: ProtocolField): boolean {
  return numericKinds.some((kind) => kind === field.kind);
}

/** The value set of a coded field; null for numbers and texts. */
export function valueSetOf(schema: ProtocolSchema, field: ProtocolField): ProtocolValueSet | null {
  return field.valueSet === undefined ? null : (schema.valueSets[field.valueSet] ?? null);
}

/**
 * @throws ProtocolError when the schema has no such field
 */
export function requireField(schema: ProtocolSchema, fieldId: string): ProtocolField {
  const field = schema.fields.get(fieldId);
  if (field !== undefined) return field;
  throw new ProtocolError('The protocol has no such field.', {
    expected: `a field of the schema "${schema.id}" version ${schema.version}`,
    found: fieldId,
  });
}

function invalidSchema(found: string): ProtocolError {
  return new ProtocolError('The file is not a schema of a description protocol.', {
    expected: `a consistent "${schemaFormat}"`,
    found,
    advice: 'Correct the schema file, or put back the one that came with the software.',
  });
}

function findFaults(schema: ProtocolSchema): string[] {
  const ids = schema.groups.flatMap((group) => group.fields.map((field) => field.id));
  const faults = ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `${id} occurs twice`);
  for (const group of schema.groups) {
    for (const field of group.fields) faults.push(...findFieldFaults(schema, group, field));
    for (const { fields } of [...(group.joins ?? []), ...(group.collections ?? [])]) {
      for (const id of fields) {
        if (schema.groupOf.get(id) !== group) faults.push(`${id} is not a field of the group ${group.id}`);
      }
    }
  }
  for (const merge of schema.merges) {
    const keys = merge.groups.map((id) =>
      schema.groups
        .find((group) => group.id === id)
        ?.fields.map((field) => `${keyOf(field)}:${field.valueSet ?? ''}`),
    );
    if (keys.some((list) => list?.join() !== keys[0]?.join())) {
      faults.push(`the groups ${merge.groups.join(', ')} do not have the same fields`);
    }
  }
  if (!schema.groups.some((group) => group.id === schema.unassessedBefore)) {
    faults.push(`there is no group ${schema.unassessedBefore}`);
  }
  return faults;
}

function findFieldFaults(schema: ProtocolSchema, group: ProtocolGroup, field: ProtocolField): string[] {
  const faults: string[] = [];
  if (!field.id.startsWith(`${group.id}.`)) faults.push(`${field.id} does not begin with its group`);
  const set = valueSetOf(schema, field);
  const codes = set?.values.map(({ code }) => code) ?? [];
  if (isCoded(field) && set === null) faults.push(`${field.id} has no value set`);
  for (const code of [
    ...(set?.ordered ?? []),
    ...(set?.unquantified === undefined ? [] : [set.unquantified]),
    ...(isCoded(field) ? (field.normal ?? []) : []),
  ]) {
    if (!codes.includes(code)) faults.push(`${field.id}: ${code} is not in its value set`);
  }
  if (isNumeric(field) && (field.limits === undefined || field.decimals === undefined)) {
    faults.push(`${field.id} has no limits or decimals`);
  }
  for (const code of [...(field.codes ?? []), ...(set?.values.flatMap((value) => value.codes ?? []) ?? [])]) {
    if (schema.codeSystems[code.system] === undefined)
      faults.push(`${field.id}: no code system ${code.system}`);
  }
  if (field.when !== undefined) {
    const parent = schema.fields.get(field.when.field);
    const known = parent && valueSetOf(schema, parent)?.values.map(({ code }) => code);
    if (parent?.when !== undefined || !field.when.values.every((code) => known?.includes(code))) {
      faults.push(`${field.id} depends on a field or value that is not there`);
    }
  }
  for (const language of protocolLanguages) {
    const text = field.text?.[language];
    const frames = schema.joinOf.get(field.id)?.text[language].frames ?? {};
    const unsaid = isCoded(field)
      ? codes.filter((code) => text?.values?.[code] === undefined && frames[code] === undefined)
      : text?.value?.includes('{value}')
        ? []
        : ['{value}'];
    if (unsaid.length > 0) faults.push(`${field.id} cannot say ${unsaid.join(', ')} in "${language}"`);
  }
  return faults;
}

/** The part of the id after the group. */
export function keyOf(field: ProtocolField): string {
  return field.id.slice(field.id.indexOf('.') + 1);
}
