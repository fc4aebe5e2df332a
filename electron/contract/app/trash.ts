import { z } from 'zod';
import { call } from '../call.ts';
import { byIds, changed, count, idSchema, instantSchema } from '../ids.ts';

export const trashKinds = ['image', 'trace', 'group', 'concept-set', 'protocol'] as const;

/** Days after which what was removed is gone for good. */
export const trashDays = 30;

export const trashItemSchema = z.object({
  id: idSchema,
  kind: z.enum(trashKinds),
  /** What it is recognised by: file, name, title, observer. Never a patient's name. */
  label: z.string(),
  /** Number that the image, trace or group had, and has again when it comes back. */
  itemId: idSchema.nullable(),
  bytes: count,
  removedAt: instantSchema,
  /** When it goes for good. */
  goesAt: instantSchema,
});

export type TrashKind = (typeof trashKinds)[number];

export type TrashItem = z.infer<typeof trashItemSchema>;

/** What was removed and may come back. */
export const trash = {
  /** Newest first. */
  list: call.output(z.array(trashItemSchema)),
  /** Puts things back as they were, all or none. */
  restore: call.input(byIds).output(changed),
  /** Lets things go for good; `library.erase` makes them unreadable. */
  remove: call.input(byIds).output(changed),
};
