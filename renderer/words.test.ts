import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorCodes } from '../electron/contract/errors.ts';
import { importReasons } from '../electron/contract/imports/imports.ts';
import { createFormat } from './locales/format.ts';
import { mergeWords, messages, russianPlural } from './locales/i18n.ts';
import { shortcutGroups } from './shell/shortcut-groups.ts';

const root = import.meta.dirname;

function flatten(tree: object, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'string'
        ? [[`${prefix}${key}`, value] as const]
        : [...flatten(value as object, `${prefix}${key}.`)],
    ),
  );
}

const english = flatten(messages.en);
const russian = flatten(messages.ru);
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(vue|ts)$/.test(name) && !name.includes('.test'))
  .map((name) => readFileSync(join(root, name), 'utf8'))
  .join('\n');
const literal = new Set([...sources.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key!));
/** `trace.kinds.` and `.title` of t(`trace.kinds.${kind}`). */
const patterns = [...new Set([...sources.matchAll(/\bt\(\s*`([^`]+)`/g)].map(([, key]) => key!))].map(
  (key) =>
    new RegExp(
      `^${key
        .replace(/\$\{[^}]+\}/g, '\u0000')
        .replaceAll('.', '\\.')
        .replaceAll('\u0000', '[^.]+')}$`,
    ),
);

test('both languages have the same keys', () => {
  expect([...russian.keys()].sort()).toEqual([...english.keys()].sort());
});

test('a topic belongs to one area', () => {
  const words = { greeting: { morning: 'Good morning' } };
  expect(mergeWords({ './a/words.en.json': words })).toEqual(words);
  expect(() => mergeWords({ './a/words.en.json': words, './b/words.en.json': words })).toThrow(
    'Both ./a/words.en.json and ./b/words.en.json have words of "greeting".',
  );
});

test('every key that is used exists, and every key that exists is used', () => {
  expect([...literal].filter((key) => !english.has(key))).toEqual([]);
  expect(
    [...english.keys()].filter((key) => !literal.has(key) && !patterns.some((pattern) => pattern.test(key))),
  ).toEqual([]);
});

test('every pattern of keys leads somewhere', () => {
  expect(
    patterns.filter((pattern) => ![...english.keys()].some((key) => pattern.test(key))).map(String),
  ).toEqual([]);
});

test('both languages fill in the same values, and Russian has its three plural forms', () => {
  const values = (text: string) =>
    [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!))].sort();
  for (const [key, text] of english) {
    expect(values(russian.get(key)!), key).toEqual(values(text));
    if (text.includes(' | ')) expect(russian.get(key)!.split(' | '), key).toHaveLength(3);
  }
});

test('every error, import reason and shortcut has its words', () => {
  const wanted = [
    ...[...errorCodes, 'internal'].map((code) => `problems.${code.replace('.', '_')}`),
    ...importReasons.map((reason) => `importReasons.${reason.replace('.', '_')}`),
    ...shortcutGroups.flatMap((group) => group.keys.map(([id]) => `shortcuts.${group.id}.${id}`)),
  ];
  expect(wanted.filter((key) => !english.has(key))).toEqual([]);
});

test('Russian counts as Russians do', () => {
  expect([1, 2, 5, 11, 12, 21, 22, 100, 111].map((count) => russianPlural(count, 3))).toEqual([
    0, 1, 2, 2, 2, 0, 1, 2, 2,
  ]);
});

test('numbers and dates take the form of the language', () => {
  expect(createFormat('ru').number(0.25)).toBe('0,25');
  expect(createFormat('en').integer(100_000)).toBe('100,000');
  expect(createFormat('en').date('2024-02-29')).toBe('29 Feb 2024');
  expect(createFormat('en').probability(0.634)).toBe('63.4%');
  expect(createFormat('en').probability(2.5e-7)).toBe('2.5·10⁻⁷');
  expect(createFormat('ru').scientific(4.77e-7)).toBe('4,8·10⁻⁷');
  expect(createFormat('en').bytes(965_000)).toBe('965 kB');
});
