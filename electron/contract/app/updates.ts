import { z } from 'zod';
import { call } from '../call.ts';
import { count } from '../ids.ts';

const versionSchema = z.string().regex(/^\d+\.\d+\.\d+$/);

/** What stands beside the files of a release, and is all that is ever asked for. */
export const releaseSchema = z.object({
  schema: z.literal('fundus-lens.release/1'),
  version: versionSchema,
  /** Where a person reads about it and gets it. */
  page: z.url({ protocol: /^https?$/ }).nullable(),
  files: z
    .array(z.object({ name: z.string().min(1), bytes: count, sha512: z.string().regex(/^[0-9a-f]{128}$/) }))
    .min(1),
});

export const updatesViewSchema = z.object({
  current: z.string(),
  enabled: z.boolean(),
  /** Address that is asked; null where nobody has named one. */
  address: z.string().nullable(),
});

export const newestSchema = z.object({
  current: z.string(),
  newest: versionSchema,
  isNewer: z.boolean(),
  page: z.string().nullable(),
});

export type Release = z.infer<typeof releaseSchema>;

export type UpdatesView = z.infer<typeof updatesViewSchema>;

export type Newest = z.infer<typeof newestSchema>;

/** New versions of the software: asked for only by those who have switched it on; nothing is installed by itself. */
export const updates = {
  get: call.output(updatesViewSchema),
  check: call.output(newestSchema),
  /** Compares a file that somebody has downloaded with what its release says of it. */
  verify: call
    .input(z.strictObject({ path: z.string().min(1) }))
    .output(z.object({ name: z.string(), version: versionSchema, sha512: z.string() })),
};
