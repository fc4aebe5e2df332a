import { z } from 'zod';
import { dateSchema, idSchema } from './ids.ts';

export const visitSchema = z.object({
  id: idSchema,
  patientId: idSchema,
  /** What makes the visit one of a kind for its patient: study UID, date or label. */
  key: z.string(),
  date: dateSchema.nullable(),
  label: z.string(),
  studyUid: z.string().nullable(),
  note: z.string(),
});

export type Visit = z.infer<typeof visitSchema>;
