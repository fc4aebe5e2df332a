import { expect, test } from 'vitest';
import { fallbackReason, warningText } from './warning-words.ts';
import { storedWarningSchema, traceWarningSchema, withWarningCodes, type TraceWarning } from './warnings.ts';

const sentences: readonly (readonly [string, TraceWarning])[] = [
  [
    'The prompt itself names: eye, optic-disc. What is read for these concepts may echo the question.',
    { code: 'prompt-names-concepts', params: { concepts: ['eye', 'optic-disc'] } },
  ],
  [
    'Runs on "cpu" because the better providers cannot be used here: cuda: no driver. webgpu: no adapter.',
    { code: 'provider-fallback', params: { provider: 'cpu', reason: 'cuda: no driver. webgpu: no adapter' } },
  ],
  [
    'The parts of the model take turns in the memory of the device, which does not hold them together.',
    { code: 'graphs-in-turn' },
  ],
  [
    'The raw lens leaves out the final norm; it reproduces the notebook and says little about the model.',
    { code: 'raw-lens' },
  ],
  ['Something new.', { code: 'other', text: 'Something new.' }],
];

test.each(sentences)('a stored sentence is read as its code: %s', (sentence, warning) => {
  expect(withWarningCodes({ warnings: [sentence, warning] }).warnings).toEqual([warning, warning]);
  expect(storedWarningSchema.parse(sentence)).toEqual(warning);
  expect(traceWarningSchema.parse(warning)).toEqual(warning);
});

/** Of these there never were sentences. */
const withoutSentences: readonly TraceWarning[] = [{ code: 'deep-stack', params: { blocks: 3 } }];
const warnings = [...sentences.map(([, warning]) => warning), ...withoutSentences];

test.each(warnings)('$code has words in both languages, with its parameters', (warning) => {
  for (const language of ['en', 'ru'] as const) {
    const text = warningText(warning, language, (id) => `<${id}>`);
    expect(text).not.toMatch(/[{}]/);
    if (warning.code === 'prompt-names-concepts') expect(text).toContain('<eye>, <optic-disc>');
    if (warning.code === 'deep-stack') expect(text).toContain('3');
    if (warning.code === 'provider-fallback') expect(text).toContain(warning.params.reason);
  }
});

test('why a better provider was not used is told in Russian, but for words that are not ours', () => {
  const reason =
    'cuda: the CUDA library of ONNX Runtime is not installed; webgpu: SwiftShader is a program on the processor, slower than the processor itself';
  expect(fallbackReason(reason, 'en')).toBe(reason);
  expect(fallbackReason(reason, 'ru')).toBe(
    'cuda: библиотека CUDA для ONNX Runtime не установлена; webgpu: SwiftShader — программа на процессоре, она медленнее самого процессора',
  );
  expect(fallbackReason('webgpu: Failed to get a WebGPU adapter: x', 'ru')).toMatch(/^webgpu: [а-я ]+$/);
  expect(fallbackReason('cuda: driver 470 is too old', 'ru')).toBe('cuda: driver 470 is too old');
});
