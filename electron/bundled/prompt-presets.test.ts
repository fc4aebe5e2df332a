import { expect, test } from 'vitest';
import { defaultPreset, presetText, promptPresets } from './prompt-presets.ts';

test('the presets, word for word', () => {
  expect(promptPresets.map(({ id }) => id).sort()).toEqual(['describe', 'notebook', 'one-word', 'protocol']);
  expect(defaultPreset).toBe('one-word');
  expect(presetText('describe', 'en')).toBe('Describe this image.');
  expect(presetText('one-word', 'ru')).toBe('Что это за изображение? Ответьте одним словом.');
  // The notebook's own spelling: its numbers are compared with.
  expect(presetText('notebook', 'en')).toBe('Descripte this image. Answer with one word.');
});

test('an unknown preset lists what exists', () => {
  expect(() => presetText('describ', 'en')).toThrow(
    expect.objectContaining({ code: 'prompt.unknown-preset', found: 'describ' }),
  );
});
