import { FundusLensError } from '../../contract/errors.ts';
import type { StoredPromptView } from '../../contract/traces/prompts.ts';
import type { Library } from '../../store/library/library.ts';
import { promptPresets } from '../../bundled/prompt-presets.ts';

/** Presets, then own prompts: those with a title; the others are known from their traces only. */
export function listPrompts(library: Library): StoredPromptView[] {
  const own = library.prompts.list().filter(({ title }) => title !== '');
  return [
    ...promptPresets.map(({ id, title, text }) => ({ id, builtIn: true, title, text })),
    ...own.map(({ id, title, text }) => ownPrompt(id, title, text)),
  ];
}

export function savePrompt(library: Library, title: string, text: string): StoredPromptView {
  const id = library.transaction(() => {
    const known = library.prompts.ensure(text, title);
    library.prompts.rename(known, title);
    return known;
  });
  return ownPrompt(id, title, text);
}

/** Takes an own prompt off the list; its traces keep the text. */
export function removePrompt(library: Library, id: string): number {
  const own = listPrompts(library).find((prompt) => prompt.id === id && !prompt.builtIn);
  if (own === undefined) {
    throw new FundusLensError('prompt.unknown-preset', 'There is no such prompt of your own.', { found: id });
  }
  library.prompts.rename(Number(id), '');
  return 1;
}

function ownPrompt(id: number, title: string, text: string): StoredPromptView {
  return { id: String(id), builtIn: false, title: { en: title, ru: title }, text: { en: text, ru: text } };
}
