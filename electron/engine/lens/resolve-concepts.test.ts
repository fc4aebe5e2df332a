import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { conceptSetSchema } from '../lens-trace/concept-set.ts';
import type { Concept, ConceptSet } from '../lens-trace/concept-set.ts';
import { conceptTokenSchema } from '../lens-trace/lens-trace.ts';
import { readTokenizer } from '../checkpoint/tokenizer.ts';
import { expandForms, resolveConcepts } from './resolve-concepts.ts';
import type { ConceptTokenizer } from './resolve-concepts.ts';
import { gatherOwners } from '../readability/hierarchy.ts';

/** Splits greedily by the longest known piece, as Qwen2's vocabulary splits these words. */
function splitBy(pieces: readonly string[]): ConceptTokenizer {
  return {
    size: pieces.length,
    tokenText: (id) => pieces[id]!,
    decode: (ids) => ids.map((id) => pieces[id]!).join(''),
    encode(text) {
      const ids: number[] = [];
      for (let at = 0; at < text.length; at += pieces[ids.at(-1)!]!.length) {
        const fitting = pieces.filter((piece) => text.startsWith(piece, at));
        const longest = fitting.reduce((best, piece) => (piece.length > best.length ? piece : best));
        ids.push(pieces.indexOf(longest));
      }
      return ids;
    },
  };
}

const letters = Array.from(' abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ');
const tokenizer = splitBy([
  ...letters,
  'Ret',
  'ret',
  ' Ret',
  ' retina',
  'ina',
  'Eye',
  'optic',
  ' disc',
  'disc',
]);
const idOf = (piece: string) => tokenizer.encode(piece)[0]!;

function makeSet(forms: Record<string, string[]>): ConceptSet {
  return {
    schema: 'fundus-lens.concept-set/1',
    id: 'test',
    title: { en: 'Test', ru: 'Проверка' },
    concepts: Object.entries(forms).map(([id, en]): Concept => ({
      id,
      label: { en: id, ru: id },
      role: 'target',
      forms: { en },
    })),
  };
}

function resolveToken(set: ConceptSet, concept: string, piece: string) {
  const resolved = resolveConcepts(set, tokenizer).find(({ id }) => id === concept);
  return resolved?.tokens.find(({ id }) => id === idOf(piece));
}

describe('resolveConcepts', () => {
  test('forms are tried as written, capitalised, and with a space', () => {
    expect(expandForms(makeSet({ disc: ['optic disc', 'OD'] }).concepts[0]!)).toEqual([
      'optic disc',
      'Optic disc',
      ' optic disc',
      ' Optic disc',
      'OD',
      ' OD',
    ]);
    expect(expandForms(makeSet({ eye: ['ёлка', 'глаз'] }).concepts[0]!)).toContain('Глаз');
  });

  test('"Ret" of Retina is a fragment, and what else it could begin is listed', () => {
    const token = resolveToken(makeSet({ retina: ['retina'] }), 'retina', 'Ret');
    expect(token).toMatchObject({ text: 'Ret', forms: ['Retina'], fragment: true });
    expect(token?.sharedWith).toEqual(expect.arrayContaining(['Return', 'Retail']));
    expect(token?.sharedWith).not.toContain('Retina');
    expect(token?.sharedWith).not.toContain('return');
  });

  test('a whole word is no fragment, but what the tokenizer splits there is still listed', () => {
    expect(resolveToken(makeSet({ retina: ['retina'] }), 'retina', ' retina')).toMatchObject({
      fragment: false,
      sharedWith: [],
    });
    const eye = resolveToken(makeSet({ eye: ['eye'] }), 'eye', 'Eye');
    expect(eye?.fragment).toBe(false);
    expect(eye?.sharedWith).toContain('Eyebrow');
  });

  test('the first word of several is a fragment', () => {
    expect(resolveToken(makeSet({ disc: ['optic disc'] }), 'disc', 'optic')).toMatchObject({
      fragment: true,
    });
  });

  test('a token of two concepts stays in both, and each names the other', () => {
    const set = makeSet({ retina: ['retina'], retinopathy: ['retinopathy'] });
    expect(resolveToken(set, 'retina', 'Ret')?.sharedWith).toContain('Retinopathy');
    expect(resolveToken(set, 'retinopathy', 'Ret')?.sharedWith).toContain('Retina');
  });

  test('forms with one first token give one token', () => {
    const token = resolveToken(makeSet({ retina: ['retina', 'retinal'] }), 'retina', 'Ret');
    expect(token?.forms).toEqual(['Retina', 'Retinal']);
  });

  test('a form without tokens is an error that names it', () => {
    const silent: ConceptTokenizer = { ...tokenizer, encode: () => [] };
    expect(() => resolveConcepts(makeSet({ eye: ['eye'] }), silent)).toThrow(
      expect.objectContaining({ code: 'concepts.invalid', found: '"eye" of the concept eye' }),
    );
  });
});

describe('the sets that come with the software, through a checkpoint of the fixtures', async () => {
  const checkpoint = new URL('../../../data/fixtures/checkpoints/qwen2-vl-untied-f32', import.meta.url);
  const real = await readTokenizer(fileURLToPath(checkpoint));

  test.each(['fundus', 'modality', 'laterality'])('%s', (name) => {
    const file = new URL(`../../../resources/concepts/${name}.json`, import.meta.url);
    const set = conceptSetSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const resolved = resolveConcepts(set, real);
    expect(resolved.map(({ id }) => id)).toEqual(set.concepts.map(({ id }) => id));
    for (const [index, { tokens }] of resolved.entries()) {
      const ids = tokens.map(({ id }) => id);
      expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
      const owners = gatherOwners(set.concepts).get(set.concepts[index]!.id)!;
      const own = set.concepts.filter(({ id }) => owners.has(id)).flatMap(expandForms);
      expect(tokens.flatMap(({ forms }) => forms).sort()).toEqual([...new Set(own)].sort());
      for (const token of tokens) {
        conceptTokenSchema.parse(token);
        expect(token.id).toBeLessThan(real.size);
        expect(token.text).not.toContain('\uFFFD');
        for (const form of token.forms) expect(real.encode(form)[0]).toBe(token.id);
        expect(token.fragment).toBe(token.forms.every((form) => real.encode(form).length > 1));
      }
    }
  });

  test('a token that is a piece of a Cyrillic letter is shown as its bytes', () => {
    const [{ tokens } = { tokens: [] }] = resolveConcepts(makeSet({ kite: ['ъё'] }), real);
    expect(tokens.some(({ text, fragment }) => /^⟨[0-9a-f]{2}⟩$/.test(text) && fragment)).toBe(true);
  });
});
