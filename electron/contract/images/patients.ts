import { z } from 'zod';
import { call } from '../call.ts';
import { byId, changed, count, idSchema, instantSchema, withImageCount } from '../ids.ts';
import { imageCardSchema } from './library-image.ts';
import { protocolVersionSchema } from '../protocols/protocols.ts';
import { traceSummarySchema } from '../traces/traces.ts';
import { visitSchema } from './visits.ts';

export const sexes = ['F', 'M', 'O'] as const;

export const patientSchema = z.object({
  id: idSchema,
  /** The code that a person sees; unique in the library. */
  code: z.string().min(1),
  name: z.string().nullable(),
  birthYear: z.int().min(1850).max(2200).nullable(),
  sex: z.enum(sexes).nullable(),
  note: z.string(),
  createdAt: instantSchema,
});

export const patientInputSchema = z.strictObject({
  code: z.string().trim().min(1).max(100),
  name: z.string().max(200).nullable().optional(),
  birthYear: z.int().min(1850).max(2200).nullable().optional(),
  sex: z.enum(sexes).nullable().optional(),
  note: z.string().max(20_000).optional(),
});

/** A photograph with what was said of it. */
export const recordedImageSchema = z.object({
  image: imageCardSchema.omit({ patientCode: true }).extend({ frames: z.int().positive() }),
  findings: z.array(z.object({ label: z.string(), value: z.string().nullable() })),
  /** The version in force of each observer. */
  protocols: z.array(protocolVersionSchema),
  /** Newest first. */
  traces: z.array(traceSummarySchema),
});

/** One patient over time. */
export const patientRecordSchema = z.object({
  patient: patientSchema,
  /** Oldest first; visits without a date last. */
  visits: z.array(visitSchema.extend(withImageCount)),
  /** In the order in which they were taken. */
  images: z.array(recordedImageSchema),
});

export type RecordedImage = z.infer<typeof recordedImageSchema>;
export type PatientRecord = z.infer<typeof patientRecordSchema>;

export type Patient = z.infer<typeof patientSchema>;

export const patients = {
  /** In natural order of the codes; `afterId` is the last one of the page before. */
  list: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(200), afterId: idSchema.optional() }))
    .output(z.object({ total: count, items: z.array(patientSchema.extend(withImageCount)) })),
  get: call
    .input(byId)
    .output(z.object({ patient: patientSchema, visits: z.array(visitSchema.extend(withImageCount)) })),
  /** Visits, photographs, findings, protocols and traces; of at most 1,000 photographs. */
  record: call.input(byId).output(patientRecordSchema),
  add: call.input(patientInputSchema).output(patientSchema),
  update: call.input(byId.extend({ change: patientInputSchema.partial() })).output(patientSchema),
  /** Gives images and visits of a patient to another one, and removes the first; visits of one day become one. */
  merge: call.input(byId.extend({ into: idSchema })).output(patientSchema),
  /** Gives visits with their photographs to another patient, who is made when nobody has the code; answers who has them now. */
  split: call
    .input(
      byId.extend({
        visitIds: z.array(idSchema).min(1).max(1000),
        code: z.string().trim().min(1).max(100),
      }),
    )
    .output(patientSchema),
  /** Refused while the patient has images. */
  remove: call.input(byId).output(changed),
};
