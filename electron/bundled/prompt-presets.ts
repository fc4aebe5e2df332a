import { z } from 'zod';
import presetsFile from '../../resources/prompts.json' with { type: 'json' };
import { FundusLensError } from '../contract/errors.ts';

export const languages = ['en', 'ru'] as const;
export type Language = (typeof languages)[number];

const texts = z.strictObject({ en: z.string().min(1), ru: z.string().min(1) });

const promptPresetsSchema = z.strictObject({
  schema: z.literal('fundus-lens.prompts/1'),
  presets: z.array(z.strictObject({ id: z.string().regex(/^[a-z-]+$/), title: texts, text: texts })).min(1),
});

export type PromptPreset = z.infer<typeof promptPresetsSchema>['presets'][number];

/** The questions that come with the software; the first is asked when none is chosen. */
export const promptPresets: readonly PromptPreset[] = promptPresetsSchema.parse(presetsFile).presets;

export const defaultPreset = promptPresets[0]!.id;

/**
 * The text of a preset.
 *
 * @throws FundusLensError `prompt.unknown-preset`, listing those that exist
 */
export function presetText(id: string, language: Language): string {
  const preset = promptPresets.find((candidate) => candidate.id === id);
  if (preset !== undefined) return preset.text[language];
  throw new FundusLensError('prompt.unknown-preset', 'There is no such prompt preset.', {
    expected: promptPresets.map((candidate) => candidate.id).join(', '),
    found: id,
    advice: 'Choose one of these, or write the question yourself with --prompt.',
  });
}
