import { describe, expect, it } from 'vitest';
import type { ConceptFinding, Judged } from './readability.ts';
import { describeVerdict, listVerdict, type VerdictConcept } from './verdict.ts';

const judged = (layer: number | null, effect: number, changes: Partial<Judged> = {}): Judged => ({
  state: layer === null ? 'not-readable' : 'readable',
  layer,
  layers: Array.from({ length: 13 }, () => ({ p: 1 / 42, effect })),
  tokenP: 0.0005,
  q: 0.01,
  attainableP: 1 / 42,
  numControls: 41,
  leftOut: [],
  ...changes,
});
const concept = (id: string, en: string, ru: string, finding: ConceptFinding): VerdictConcept => ({
  id,
  label: { en, ru },
  finding,
});
const view = (finding: ConceptFinding) =>
  concept('view', 'View of the fundus', 'Картина глазного дна', finding);
const retina = concept('retina', 'Retina', 'Сетчатка', judged(8, 3.42, { leftOut: [4, 7] }));
const macula = concept('macula', 'Macula', 'Макула', judged(null, -2));
const side = concept('side', 'Side', 'Сторона', {
  state: 'not-identifiable',
  collisions: [{ form: ' OD', with: ['overdose'] }],
});
const cup = concept('cup', 'Cup', 'Экскавация', {
  state: 'not-asked',
  numControls: 7,
  attainableP: 0.125,
  leftOut: [],
});
const write = (finding: ConceptFinding, language: 'en' | 'ru') =>
  describeVerdict(
    { numLayers: 12, subject: 'view', concepts: [view(finding), retina, macula, side, cup] },
    language,
  );

describe('the verdict', () => {
  it('answers the first two questions in a sentence each, in English', () => {
    const { whether, fromWhere, readable, notReadable, notAsked } = write(judged(7, 5), 'en');
    expect(whether).toBe(
      '“View of the fundus” is readable where the answer begins: above all 41 controls (p = 0.024).',
    );
    expect(fromWhere).toBe('It is readable from layer 7 of 12 on.');
    expect(readable[1]).toBe(
      '“Retina” is readable from layer 8 of 12 on, 3.4 nats above the highest of 41 controls (p = 0.024, q = 0.01; left out: 2 that show it).',
    );
    expect(notReadable).toBe('Not readable: “Macula”.');
    expect(notAsked).toEqual([
      'Not asked: “Cup”. With 7 controls p cannot fall below 0.13; at least 39 are needed.',
      '“Side” cannot be told apart in this model’s vocabulary (“OD”).',
    ]);
  });

  it('and in Russian, with its plurals and decimal commas', () => {
    const { whether, fromWhere, readable } = write(judged(7, 5), 'ru');
    expect(whether).toBe(
      '«Картина глазного дна» читается там, где начинается ответ: выше всех 41 контроля (p = 0,024).',
    );
    expect(fromWhere).toBe('Понятие читается начиная со слоя 7 из 12.');
    expect(readable[1]).toContain('на 3,4 нат выше наибольшего из 41 контроля (p = 0,024, q = 0,01');
  });

  it('says why the subject is not readable', () => {
    expect(write(judged(null, -2), 'en').whether).toContain(
      'at layer 12 it lies 2 nats below the highest of 41 controls',
    );
    expect(write(judged(null, 0.4), 'en').whether).toContain(
      'exceeds the highest of 41 controls by 0.4 nats only',
    );
    expect(write(judged(null, 4, { q: 0.3 }), 'en').whether).toContain(
      'but so do too many other words (q = 0.3)',
    );
    expect(write(judged(null, -2), 'en').fromWhere).toBe('There is no layer from which on it is readable.');
    expect(write(cup.finding, 'en').fromWhere).toContain('could therefore not be asked');
  });

  it('never says that the model knows, sees or uses anything', () => {
    for (const finding of [
      judged(7, 5),
      judged(12, 5),
      judged(null, -2),
      judged(null, 0.4),
      judged(null, 4),
      cup.finding,
    ]) {
      const lines = (['en', 'ru'] as const).flatMap((language) => listVerdict(write(finding, language)));
      expect(lines.length).toBeGreaterThanOrEqual(12);
      expect(lines.join(' ')).not.toMatch(
        /\b(know|knows|uses?|sees|thinks)\b|знает|использует|видит|думает/iu,
      );
    }
  });
});
