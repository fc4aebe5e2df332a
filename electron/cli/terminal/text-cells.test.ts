import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import displayWidth from 'string-width';
import { drawBar, fit, showPercent, showToken, wrap } from './text-cells.ts';

describe('text on a terminal', () => {
  test('columns by script', () => {
    expect(displayWidth('Ret')).toBe(3);
    expect(displayWidth('глаз')).toBe(4);
    expect(displayWidth('眼底')).toBe(4);
    expect(displayWidth('е\u0308')).toBe(1);
    expect(displayWidth('👀')).toBe(2);
  });

  test('fit gives exactly the columns that are asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, width) => {
        const token = showToken(text);
        expect(displayWidth(fit(token, width))).toBe(width);
      }),
    );
    expect(fit('眼底照片', 6)).toBe('眼底… ');
  });

  test('a token shows its spaces and cannot steer the terminal', () => {
    expect(showToken(' the')).toBe('␣the');
    expect(showToken('\n\n')).toBe('↵↵');
    expect(showToken('\u001b[2J\u0000\u202e')).toBe('�[2J��');
  });

  test('bars grow in eighths, and the smallest probability shows', () => {
    expect(drawBar(0, 8)).toBe('');
    expect(drawBar(1e-9, 8)).toBe('▏');
    expect(drawBar(0.5, 8)).toBe('████');
    expect(drawBar(0.55, 8)).toBe('████▍');
    expect(drawBar(1, 8)).toBe('████████');
    expect(drawBar(1.5, 8)).toBe('████████');
  });

  test('percent take at most five columns', () => {
    expect([1, 0.995, 0.1234, 0.0994, 0.0005, 0.0004, 0].map(showPercent)).toEqual([
      ...['100%', '100%', '12%', '9.9%', '0.1%', '<0.1%', '<0.1%'],
    ]);
  });

  test('wrapped lines keep to the width and lose no word', () => {
    const word = fc.string({
      unit: fc.constantFrom('а', 'б', 'в', 'x', 'y', 'z'),
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 14, max: 40 }), (words, width) => {
        const wrapped = wrap(words.join(' '), width, '  ');
        for (const line of wrapped.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(width);
        expect(wrapped.split(/\s+/)).toEqual(words);
      }),
    );
    expect(wrap('  layer 1   a, b', 12, '    ')).toBe('  layer 1  \n    a, b');
  });
});
