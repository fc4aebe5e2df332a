import { applies, valueOf, type Protocol, type ProtocolEntry } from '../protocol.ts';
import { isNumeric, valueSetOf, type ProtocolSchema } from '../schema.ts';
import type { ProtocolCode, ProtocolField, ProtocolLanguage } from '../schema-format.ts';
import type { FhirBundle, FhirCoding, FhirConcept, FhirObservation } from './fhir-format.ts';

/** What a bundle says beside the values. */
export interface FhirContext {
  /** Instant with offset, `2026-11-25T10:00:00Z`. */
  readonly timestamp: string;
  /** When the photograph was taken; null when unknown. */
  readonly capturedAt: string | null;
  /** The patient's code, as a person sees it; null when unknown. */
  readonly patient: string | null;
  /** A signed protocol is final, everything else is preliminary. */
  readonly isFinal: boolean;
  readonly language: ProtocolLanguage;
  /** A new random UUID with every call. */
  readonly newUuid: () => string;
}

/**
 * A protocol as a FHIR R4 bundle of observations, one for each field that applies.
 *
 * A field that was not assessed is exported with the reason "not performed", never as normal. Codes are those of the
 * schema and no others; codes that mean less than the field are left out. Source and certainty stand in a note.
 */
export function toFhirBundle(schema: ProtocolSchema, protocol: Protocol, context: FhirContext): FhirBundle {
  const fields = [...schema.fields.values()].filter(
    (field) => applies(field, protocol) && !(field.silent === true && valueOf(protocol, field.id) === null),
  );
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp: context.timestamp,
    entry: fields.map((field) => {
      const id = context.newUuid();
      return { fullUrl: `urn:uuid:${id}`, resource: toObservation(schema, protocol, field, context, id) };
    }),
  };
}

function toObservation(
  schema: ProtocolSchema,
  protocol: Protocol,
  field: ProtocolField,
  context: FhirContext,
  id: string,
): FhirObservation {
  const entry = protocol.values[field.id];
  const group = schema.groupOf.get(field.id)!;
  const codes = usableCodes(field.codes, protocol);
  const sites = usableCodes(group.codes, protocol).filter(({ use }) => use === 'body-site');
  return {
    resourceType: 'Observation',
    id,
    status: context.isFinal ? 'final' : 'preliminary',
    code: {
      coding: [...toCodings(schema, codes), ownCoding(schema, field.id, field.title.en)],
      text: `${group.title[context.language]}: ${field.title[context.language]}`,
    },
    ...(context.patient === null ? {} : { subject: { display: context.patient } }),
    ...(context.capturedAt === null ? {} : { effectiveDateTime: context.capturedAt }),
    ...(protocol.observer === null || protocol.observer === ''
      ? {}
      : { performer: [{ display: protocol.observer }] }),
    ...toValue(schema, field, entry, context.language),
    ...(entry === undefined ? {} : { note: [{ text: describeOrigin(entry) }] }),
    ...(sites.length === 0
      ? {}
      : { bodySite: { coding: toCodings(schema, sites), text: group.title[context.language] } }),
    ...(protocol.image === null ? {} : { derivedFrom: [{ identifier: { value: protocol.image } }] }),
  };
}

type ObservationValue = Pick<
  FhirObservation,
  'valueCodeableConcept' | 'valueQuantity' | 'valueString' | 'dataAbsentReason'
>;

function toValue(
  schema: ProtocolSchema,
  field: ProtocolField,
  entry: ProtocolEntry | undefined,
  language: ProtocolLanguage,
): ObservationValue {
  const value = entry?.value ?? null;
  const { fhir } = schema;
  if (value === null) {
    return {
      dataAbsentReason: {
        coding: [{ system: fhir.absentSystem, code: fhir.absentCode, display: fhir.absentDisplay }],
      },
    };
  }
  if (isNumeric(field)) {
    const ucum = field.unit?.ucum;
    return {
      valueQuantity: {
        value: Number(value),
        ...(field.unit === undefined ? {} : { unit: field.unit.title[language] }),
        ...(ucum === undefined ? {} : { system: fhir.ucum, code: ucum }),
      },
    };
  }
  const known = valueSetOf(schema, field)?.values.find(({ code }) => code === value);
  if (known !== undefined) {
    const coding = [
      ...toCodings(schema, known.codes ?? []),
      ownCoding(schema, `${field.id}.${known.code}`, known.title.en),
    ];
    return { valueCodeableConcept: { coding, text: known.title[language] } };
  }
  if (field.codeSystem !== undefined)
    return { valueCodeableConcept: toEnteredCodes(schema, field, String(value)) };
  return { valueString: value === '' ? (field.text?.[language]?.empty ?? '–') : String(value) };
}

/** Codes that the observer entered in a field of codes, such as ICD-10. */
function toEnteredCodes(schema: ProtocolSchema, field: ProtocolField, value: string): FhirConcept {
  const system = schema.codeSystems[field.codeSystem!]!.uri;
  return { coding: value.split(', ').map((code) => ({ system, code })), text: value };
}

function usableCodes(codes: readonly ProtocolCode[] | undefined, protocol: Protocol): ProtocolCode[] {
  return (codes ?? []).filter(
    ({ relation, when }) =>
      relation === undefined && (when === undefined || valueOf(protocol, when.field) === when.value),
  );
}

function toCodings(schema: ProtocolSchema, codes: readonly ProtocolCode[]): FhirCoding[] {
  return codes.map(({ system, code, display }) => ({
    system: schema.codeSystems[system]!.uri,
    code,
    display,
  }));
}

function ownCoding(schema: ProtocolSchema, code: string, display: string): FhirCoding {
  return { system: `${schema.fhir.system}:${schema.id}`, version: String(schema.version), code, display };
}

function describeOrigin({ source, certainty }: ProtocolEntry): string {
  return certainty === null ? `source: ${source}` : `source: ${source}; certainty: ${certainty}`;
}
