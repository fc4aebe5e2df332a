import { z } from 'zod';
import { call } from '../call.ts';
import { byId, changed, count, idSchema, instantSchema, withImageCount } from '../ids.ts';
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

export type Patient = z.infer<typeof patientSchema>;

export const patients = {
  /** In natural order of the codes; `afterId` is the last one of the page before. */
  list: call
    .input(z.strictObject({ limit: z.int().min(1).max(1000).default(200), afterId: idSchema.optional() }))
    .output(z.object({ total: count, items: z.array(patientSchema.extend(withImageCount)) })),
  get: call
    .input(byId)
    .output(z.object({ patient: patientSchema, visits: z.array(visitSchema.extend(withImageCount)) })),
  add: call.input(patientInputSchema).output(patientSchema),
  update: call.input(byId.extend({ change: patientInputSchema.partial() })).output(patientSchema),
  /** Gives images and visits of a patient to another one, and removes the first; visits of one day become one. */
  merge: call.input(byId.extend({ into: idSchema })).output(patientSchema),
  /** Refused while the patient has images. */
  remove: call.input(byId).output(changed),
};
