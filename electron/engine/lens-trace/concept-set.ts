import { z } from 'zod';

/**
 * A concept is a named set of surface forms in one or more languages. `target` concepts are what the study
 * asks about; `control` concepts are what the model should not see in a fundus photograph.
 */
export const conceptSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  label: z.strictObject({ en: z.string().min(1), ru: z.string().min(1) }),
  role: z.enum(['target', 'control']),
  /** Surface forms by language code; capitalised and space-led variants are added when resolved. */
  forms: z.record(z.string(), z.array(z.string().min(1)).min(1)),
});

export const conceptSetSchema = z.strictObject({
  schema: z.literal('fundus-lens.concept-set/1'),
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  title: z.strictObject({ en: z.string().min(1), ru: z.string().min(1) }),
  description: z.strictObject({ en: z.string(), ru: z.string() }).optional(),
  concepts: z.array(conceptSchema).min(1),
});

export type Concept = z.infer<typeof conceptSchema>;
export type ConceptSet = z.infer<typeof conceptSetSchema>;
