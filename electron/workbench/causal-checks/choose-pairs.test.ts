import { expect, test } from 'vitest';
import { choosePairs, type LabelledImage } from './choose-pairs.ts';

const images = Array.from({ length: 60 }, (_, index): LabelledImage => ({
  id: index + 1,
  fileName: `${index}.jpg`,
  // Two eyes each.
  patient: `patient ${Math.floor(index / 2)}`,
  label: index % 2,
  alike: index < 40 ? '800 × 600' : '640 × 640',
}));

test('pairs are of two patients and one size, and no patient is in two of a kind', () => {
  const pairs = choosePairs(images, 100, 1);
  const byId = new Map(images.map((image) => [image.id, image]));
  for (const kind of ['opposite', 'same-label'] as const) {
    const own = pairs.filter((pair) => pair.kind === kind);
    const both = own.map(({ cleanId, corruptId }) => [byId.get(cleanId)!, byId.get(corruptId)!] as const);
    for (const [clean, corrupt] of both) {
      expect(clean.patient).not.toBe(corrupt.patient);
      expect(clean.alike).toBe(corrupt.alike);
      if (kind === 'opposite') expect([clean.label, corrupt.label]).toEqual([1, 0]);
      else expect(clean.label).toBe(corrupt.label);
    }
    const patients = both.flat().map(({ patient }) => patient);
    expect(new Set(patients).size).toBe(patients.length);
    expect(own.length).toBe(15);
  }
});

test('the same seed chooses the same pairs, whatever the order; another seed others', () => {
  const pairs = choosePairs(images, 5, 1);
  expect(pairs).toHaveLength(10);
  expect(choosePairs(images.toReversed(), 5, 1)).toEqual(pairs);
  expect(choosePairs(images, 5, 2)).not.toEqual(pairs);
});
