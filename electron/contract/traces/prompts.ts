import { z } from 'zod';
import { call } from '../call.ts';
import { changed } from '../ids.ts';

export const promptSchema = z.object({
  /** The preset's name, or the number of an own prompt as text. */
  id: z.string(),
  builtIn: z.boolean(),
  title: z.object({ en: z.string(), ru: z.string() }),
  /** Presets exist in both languages; an own prompt has the same text in both. */
  text: z.object({ en: z.string(), ru: z.string() }),
});

export type StoredPromptView = z.infer<typeof promptSchema>;

export const prompts = {
  list: call.output(z.array(promptSchema)),
  save: call
    .input(z.strictObject({ title: z.string().trim().min(1).max(200), text: z.string().min(1).max(20_000) }))
    .output(promptSchema),
  /** Takes an own prompt off the list; traces keep its text. */
  remove: call.input(z.strictObject({ id: z.string() })).output(changed),
  /** Ids of the set's concepts that the text itself names. */
  findLeaks: call
    .input(z.strictObject({ text: z.string(), conceptSetId: z.string() }))
    .output(z.array(z.string())),
};
