import type { StoredPromptView } from '../../../../electron/contract/traces/prompts.ts';

/** Tokens that an answer to a preset takes; a description that stops in its first sentence is none. */
const ofPresets: Readonly<Record<string, number>> = { describe: 128, protocol: 256 };

export const answerLengthsKey = 'answerLengths';

/** The key under which the length for a prompt is remembered: the preset's, or one for all other prompts. */
export function promptKey(text: string, prompts: readonly StoredPromptView[]): string {
  return prompts.find((prompt) => prompt.text.en === text || prompt.text.ru === text)?.id ?? 'other';
}

/** Tokens to generate: what the person chose last for this prompt, else what the preset takes, else the setting. */
export function answerLength(key: string, remembered: unknown, setting: number): number {
  const chosen = rememberedLengths(remembered)[key];
  return chosen ?? Math.max(setting, ofPresets[key] ?? 0);
}

/** Lengths by prompt key out of the settings, which hold what any version has written. */
export function rememberedLengths(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, number] =>
        typeof entry[1] === 'number' && Number.isInteger(entry[1]) && entry[1] >= 0 && entry[1] <= 512,
    ),
  );
}
