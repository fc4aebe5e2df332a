import { z } from 'zod';
import { gatherOwners } from '../readability/hierarchy.ts';

export { gatherOwners, leavesOf } from '../readability/hierarchy.ts';

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
  /** Another concept of the set that this one is a kind of; a parent's words are its own and those of all below it. */
  parent: z.string().optional(),
});

const plainConceptSetSchema = z.strictObject({
  schema: z.literal('fundus-lens.concept-set/1'),
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  title: z.strictObject({ en: z.string().min(1), ru: z.string().min(1) }),
  description: z.strictObject({ en: z.string(), ru: z.string() }).optional(),
  /** The concept that "does the model represent what it sees?" is asked of; left out, the first parent among the targets. */
  subject: z.string().optional(),
  concepts: z.array(conceptSchema).min(1),
});

export const conceptSetSchema = plainConceptSetSchema.superRefine(({ concepts, subject }, context) => {
  const parents = new Set(concepts.map(({ parent }) => parent));
  const ids = new Set(concepts.map(({ id }) => id));
  for (const { id, forms } of concepts)
    if (Object.keys(forms).length === 0 && !parents.has(id))
      context.addIssue(`"${id}" has no forms, and no concept below it has any`);
  if (subject !== undefined && !ids.has(subject))
    context.addIssue(`the subject "${subject}" is not in the set`);
  try {
    gatherOwners(concepts);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error));
  }
});

export type Concept = z.infer<typeof conceptSchema>;
export type ConceptSet = z.infer<typeof conceptSetSchema>;

/** The concept that the first question of a study is asked of; null where the set has no targets. */
export function findSubject({
  concepts,
  subject,
}: {
  readonly concepts: readonly Pick<Concept, 'id' | 'role' | 'parent'>[];
  readonly subject?: string | undefined;
}): string | null {
  if (subject !== undefined) return subject;
  const targets = concepts.filter(({ role }) => role === 'target');
  const parents = new Set(concepts.map(({ parent }) => parent));
  return (
    (targets.find(({ id, parent }) => parents.has(id) && parent === undefined) ?? targets[0])?.id ?? null
  );
}
