import { z } from 'zod';
import { call } from '../call.ts';
import { byId, changed, idSchema } from '../ids.ts';

export const tagSchema = z.object({
  id: idSchema,
  name: z.string().min(1),
  imageCount: z.int().nonnegative(),
});

export type Tag = z.infer<typeof tagSchema>;

export const tags = {
  list: call.output(z.array(tagSchema)),
  rename: call.input(byId.extend({ name: z.string().trim().min(1).max(100) })).output(changed),
  remove: call.input(byId).output(changed),
};
