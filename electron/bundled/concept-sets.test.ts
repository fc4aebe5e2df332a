import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { builtInConceptSets, loadConceptSet } from './concept-sets.ts';

const folder = mkdtempSync(join(tmpdir(), 'наборы понятий '));
afterAll(() => rmSync(folder, { recursive: true }));

function save(name: string, content: unknown): string {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  return name;
}

const concept = { id: 'eye', label: { en: 'Eye', ru: 'Глаз' }, role: 'target', forms: { en: ['eye'] } };
const set = {
  schema: 'fundus-lens.concept-set/1',
  id: 'mine',
  title: { en: 'Mine', ru: 'Мой' },
  concepts: [concept],
};

describe('the sets that come with the software', () => {
  test.each(builtInConceptSets)(
    '$id: every concept has its own id, and forms in both languages',
    ({ concepts }) => {
      const ids = concepts.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(concepts.some(({ role }) => role === 'target')).toBe(true);
      expect(concepts.some(({ role }) => role === 'control')).toBe(true);
      const parents = new Set(concepts.map(({ parent }) => parent));
      for (const { id, forms } of concepts) {
        // A parent is the union of what is below it, and needs no words of its own.
        if (parents.has(id) && Object.keys(forms).length === 0) continue;
        expect(Object.keys(forms)).toEqual(['en', 'ru']);
        for (const form of Object.values(forms).flat()) expect(form).toBe(form.trim().normalize('NFC'));
        expect(new Set(forms['en']).size).toBe(forms['en']!.length);
        expect(new Set(forms['ru']).size).toBe(forms['ru']!.length);
      }
    },
  );

  test('the default set has what the study asks about', () => {
    const ids = builtInConceptSets[0]!.concepts.map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining([
        ...['fundus-photograph', 'retina', 'optic-disc', 'macula', 'blood-vessel', 'haemorrhage', 'exudate'],
        ...['drusen', 'cup', 'diabetic-retinopathy', 'glaucoma', 'macular-degeneration', 'eye'],
        ...['x-ray', 'skin', 'cat', 'text'],
      ]),
    );
  });
});

describe('loadConceptSet', () => {
  test('by id and by file', async () => {
    await expect(loadConceptSet('modality')).resolves.toMatchObject({ id: 'modality' });
    await expect(loadConceptSet(save('мой набор.json', set), folder)).resolves.toEqual(set);
  });

  test('an unknown name lists what exists', async () => {
    await expect(loadConceptSet('fundis', folder)).rejects.toMatchObject({
      code: 'concepts.unknown',
      expected: expect.stringContaining('fundus, modality, laterality') as string,
      found: expect.stringContaining('fundis') as string,
    });
  });

  test.each([
    ['no JSON', '{'],
    ['another schema', { ...set, schema: 'fundus-lens.concept-set/2' }],
    ['a concept without forms', { ...set, concepts: [{ ...concept, forms: { en: [] } }] }],
    ['an unknown field', { ...set, colour: 'red' }],
    ['an id twice', { ...set, concepts: [concept, concept] }],
  ])('a file with %s is refused, with its name', async (_, content) => {
    await expect(loadConceptSet(save('bad.json', content), folder)).rejects.toMatchObject({
      code: 'concepts.invalid',
      summary: expect.stringContaining(join(folder, 'bad.json')) as string,
    });
  });
});
