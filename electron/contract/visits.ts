import { z } from 'zod';
import { call } from './call.ts';
import { byId, idSchema } from './ids.ts';
import { libraryImageSchema } from './images.ts';
import { withImageCount } from './patients.ts';
import { visitSchema } from './visit-schema.ts';

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
