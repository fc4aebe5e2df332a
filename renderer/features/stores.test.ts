import { expect, test } from 'vitest';
import { conceptSetSchema } from '../../electron/engine/lens-trace/concept-set.ts';
import {
  copyOfSet,
  emptySet,
  faultOf,
  freeId,
  parseForms,
  possibleParents,
  tidySet,
  withoutConcept,
} from './concepts/concept-draft.ts';
import { shareOfTrace } from './tasks/share-done.ts';
import { moveInGrid, nextSelection } from './images/selection-store.ts';

test('a click replaces, toggles or extends the selection', () => {
  const before = new Set([1, 2]);
  expect(nextSelection(before, 3, 'only', [])).toEqual(new Set([3]));
  expect(nextSelection(before, 2, 'toggle', [])).toEqual(new Set([1]));
  expect(nextSelection(new Set(), 5, 'range', [3, 4, 5])).toEqual(new Set([3, 4, 5]));
});

test('arrow keys stay inside the grid', () => {
  expect(moveInGrid('ArrowUp', 2, 5, 27, 3)).toBe(0);
  expect(moveInGrid('ArrowDown', 25, 5, 27, 3)).toBe(26);
  expect(moveInGrid('End', 0, 5, 100_000, 3)).toBe(99_999);
  expect(moveInGrid('a', 0, 5, 27, 3)).toBeNull();
  expect(moveInGrid('End', 0, 5, 0, 3)).toBeNull();
});

test('progress grows from stage to stage and ends at one', () => {
  expect(shareOfTrace('load', 0, 1)).toBe(0);
  expect(shareOfTrace('vision', 1, 2)).toBeLessThan(shareOfTrace('decoder', 0, 1));
  expect(shareOfTrace('controls', 3, 3)).toBeCloseTo(1);
  expect(shareOfTrace('lens', 0, 0)).toBeLessThan(1);
});

test('a new set becomes valid once its concepts have names and words', () => {
  const set = emptySet(['own']);
  expect([set.id, faultOf(set)]).toEqual(['own-2', 'no-label']);
  const [concept] = set.concepts;
  const named = {
    ...set,
    concepts: [
      { ...concept!, label: { en: '', ru: 'Глаз' }, forms: { en: [], ru: parseForms('глаз, глаза\nглаз') } },
    ],
  };
  expect(faultOf(named)).toBeNull();
  const saved = conceptSetSchema.parse(tidySet(named));
  expect(saved.concepts[0]).toMatchObject({
    label: { en: 'Глаз', ru: 'Глаз' },
    forms: { ru: ['глаз', 'глаза'] },
  });
  expect(copyOfSet(saved, ['own-2-own']).id).toBe('own-2-own-2');
  expect(freeId('Ё', [])).toBe('own');
});

test('a parent needs no words of its own, and can be removed', () => {
  const concept = { label: { en: 'A', ru: 'А' }, role: 'target' as const };
  const set = conceptSetSchema.parse({
    ...{ schema: 'fundus-lens.concept-set/1', id: 'views', title: { en: 'Views', ru: 'Виды' } },
    subject: 'view',
    concepts: [
      { ...concept, id: 'whole', forms: {} },
      { ...concept, id: 'view', forms: {}, parent: 'whole' },
      { ...concept, id: 'retina', forms: { en: ['retina'] }, parent: 'view' },
    ],
  });
  expect(faultOf(set)).toBeNull();
  expect(possibleParents(set, 'view').map(({ id }) => id)).toEqual(['whole']);
  const fewer = withoutConcept(set, 'view');
  expect(conceptSetSchema.parse(tidySet(fewer))).toMatchObject({
    concepts: [{ id: 'whole' }, { id: 'retina', parent: 'whole' }],
  });
  expect(fewer.subject).toBeUndefined();
  expect(faultOf(withoutConcept(set, 'retina'))).toBe('no-forms');
});
