import { z } from 'zod';
import { conceptSetSchema } from '../../engine/lens-trace/concept-set.ts';
import { conceptTokenSchema } from '../../engine/lens-trace/lens-trace.ts';
import { call } from '../call.ts';
import { changed, idSchema } from '../ids.ts';

/** A concept set as lists show it; `builtIn` ones come with the software. */
export const storedConceptSetSchema = z.object({ builtIn: z.boolean(), set: conceptSetSchema });

export const resolvedConceptSchema = z.object({
  id: z.string(),
  label: z.object({ en: z.string(), ru: z.string() }),
  role: z.enum(['target', 'control']),
  tokens: z.array(conceptTokenSchema),
});

export type ResolvedConceptView = z.infer<typeof resolvedConceptSchema>;

export const concepts = {
  list: call.output(z.array(storedConceptSetSchema)),
  get: call.input(z.strictObject({ setId: z.string() })).output(storedConceptSetSchema),
  /** Makes a new edition of an own set; traces keep the edition they were made with. A built-in id is refused. */
  save: call.input(z.strictObject({ set: conceptSetSchema })).output(storedConceptSetSchema),
  remove: call.input(z.strictObject({ setId: z.string() })).output(changed),
  /** The tokens of each concept in a model's vocabulary, fragments and sharers named. */
  resolve: call
    .input(z.strictObject({ set: conceptSetSchema, modelId: idSchema }))
    .output(z.array(resolvedConceptSchema)),
};
