import { z } from 'zod';
import { call } from '../call.ts';
import { byId, dateSchema, idSchema, withImageCount } from '../ids.ts';
import { libraryImageSchema } from './library-image.ts';

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

export const visits = {
  ofPatient: call
    .input(z.strictObject({ patientId: idSchema }))
    .output(z.array(visitSchema.extend(withImageCount))),
  images: call.input(byId).output(z.array(libraryImageSchema)),
  update: call
    .input(
      byId.extend({
        change: z.strictObject({
          date: z.iso.date().nullable().optional(),
          label: z.string().max(200).optional(),
          note: z.string().max(20_000).optional(),
        }),
      }),
    )
    .output(visitSchema),
};
