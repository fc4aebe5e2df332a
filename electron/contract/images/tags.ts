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

/** The samples' own tags, which are stored in English like the data sets they come from. */
const russianNames: Readonly<Partial<Record<string, string>>> = {
  real: 'настоящие',
  drawn: 'нарисованные',
  'held-out': 'вне обучения',
  'in-training': 'из обучения',
  child: 'дети',
};

/** The tag in the language; what a person has named stays as it is. */
export function tagName(name: string, language: 'en' | 'ru'): string {
  return language === 'ru' ? (russianNames[name] ?? name) : name;
}
