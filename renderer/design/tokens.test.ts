import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { luminance, parseHex } from '../../electron/engine/lens-trace/overlay/color-scales.ts';

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8');

function tokensOf(theme: string): Map<string, string> {
  const blocks = css.split('}').filter((block) => block.includes(`[data-theme='${theme}']`));
  return new Map(
    blocks.flatMap((block) =>
      [...block.matchAll(/(--color-[\w-]+):\s*(#[0-9a-f]{6})/g)].map(
        ([, name, value]) => [name!, value!] as const,
      ),
    ),
  );
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(parseHex(a)), luminance(parseHex(b))].sort((x, y) => y - x) as [
    number,
    number,
  ];
  return (high + 0.05) / (low + 0.05);
}

const grounds = ['bg', 'surface-1', 'surface-2', 'surface-3'];
const inks = ['text', 'text-2', 'text-3'];
const pairs = [
  ...grounds.flatMap((ground) => inks.map((ink) => [ink, ground] as const)),
  ...['accent', 'danger', 'warn', 'ok'].flatMap(
    (tone) =>
      [
        [tone, 'surface-1'],
        [tone, 'surface-2'],
      ] as const,
  ),
  ...['danger', 'warn', 'ok', 'od', 'os'].map((tone) => [tone, `${tone}-soft`] as const),
  ['accent-strong', 'accent-soft'],
  ['text', 'accent-soft'],
  ['text-2', 'accent-soft'],
  ['accent-ink', 'accent'],
  ['accent-ink', 'accent-strong'],
  ['chart-axis', 'bg'],
] as const;

test.each(['dark', 'light'])('texts of the %s theme have a contrast of at least 4.5', (theme) => {
  const tokens = tokensOf(theme);
  const weak = pairs.filter(
    ([ink, ground]) => contrast(tokens.get(`--color-${ink}`)!, tokens.get(`--color-${ground}`)!) < 4.5,
  );
  expect(weak.map((pair) => pair.join(' on '))).toEqual([]);
});

test.each(['dark', 'light'])(
  'borders of fields and curves of the %s theme have a contrast of at least 3',
  (theme) => {
    const tokens = tokensOf(theme);
    const names = ['line-strong', 'focus', ...Array.from({ length: 8 }, (_, index) => `series-${index + 1}`)];
    const weak = names.filter(
      (name) => contrast(tokens.get(`--color-${name}`)!, tokens.get('--color-surface-1')!) < 3,
    );
    expect(weak).toEqual([]);
  },
);
