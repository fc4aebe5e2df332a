import { z } from 'zod';

/**
 * The part of FHIR R4 (4.0.1) that an exported protocol uses, with the cardinalities and invariants that it must hold.
 *
 * @see https://hl7.org/fhir/R4/observation.html and https://hl7.org/fhir/R4/bundle.html
 */
const codingSchema = z.strictObject({
  system: z.string().min(1),
  version: z.string().optional(),
  code: z.string().regex(/^[^\s]+(\s[^\s]+)*$/),
  display: z.string().min(1).optional(),
});
const conceptSchema = z.strictObject({
  coding: z.array(codingSchema).min(1).optional(),
  text: z.string().min(1).optional(),
});
const instantSchema = z.iso.datetime({ offset: true });

const observationSchema = z
  .strictObject({
    resourceType: z.literal('Observation'),
    id: z.string().regex(/^[A-Za-z0-9\-.]{1,64}$/),
    status: z.enum(['preliminary', 'final']),
    code: conceptSchema,
    subject: z.strictObject({ reference: z.string().optional(), display: z.string().optional() }).optional(),
    effectiveDateTime: z.string().optional(),
    performer: z
      .array(z.strictObject({ display: z.string().min(1) }))
      .min(1)
      .optional(),
    valueCodeableConcept: conceptSchema.optional(),
    valueQuantity: z
      .strictObject({
        value: z.number(),
        unit: z.string().optional(),
        system: z.string().optional(),
        code: z.string().optional(),
      })
      .optional(),
    valueString: z.string().min(1).optional(),
    dataAbsentReason: conceptSchema.optional(),
    note: z
      .array(z.strictObject({ text: z.string().min(1) }))
      .min(1)
      .optional(),
    bodySite: conceptSchema.optional(),
    derivedFrom: z
      .array(
        z.strictObject({
          display: z.string().min(1).optional(),
          identifier: z.strictObject({ value: z.string() }).optional(),
        }),
      )
      .optional(),
  })
  .refine(
    (each) => {
      const values = [each.valueCodeableConcept, each.valueQuantity, each.valueString].filter(
        (value) => value !== undefined,
      );
      return values.length <= 1 && (values.length === 0) === (each.dataAbsentReason !== undefined);
    },
    { message: 'obs-6: a value, or the reason why it is absent, never both' },
  );
export type FhirObservation = z.infer<typeof observationSchema>;

export const fhirBundleSchema = z.strictObject({
  resourceType: z.literal('Bundle'),
  type: z.literal('collection'),
  timestamp: instantSchema,
  entry: z.array(
    z.strictObject({ fullUrl: z.string().regex(/^urn:uuid:[0-9a-f-]{36}$/), resource: observationSchema }),
  ),
});
export type FhirBundle = z.infer<typeof fhirBundleSchema>;
export type FhirCoding = z.infer<typeof codingSchema>;
export type FhirConcept = z.infer<typeof conceptSchema>;
