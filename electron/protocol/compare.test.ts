import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import schemaFile from '../../resources/protocols/fundus.json' with { type: 'json' };
import { arbitraryProtocol } from './testing/arbitrary-protocol.ts';
import { compareProtocols, measureAgreement, measureFieldAgreement } from './compare.ts';
import { setValue } from './edit.ts';
import { cohenKappa } from './kappa.ts';
import { createProtocol } from './protocol.ts';
import { readProtocolSchema } from './schema.ts';

const schema = readProtocolSchema(schemaFile);
const grade = (id: string, value: string | number | null) =>
  setValue(schema, createProtocol(schema), id, value);

describe('cohenKappa', () => {
  // sklearn.metrics.cohen_kappa_score 1.9.1 on the same pairs, labels 0–4, weights None and "quadratic".
  const first = Array.from('0011223344002143201');
  const second = Array.from('0012223334102143311');
  const pairs = first.map((code, at) => [code, second[at]!] as const);

  it('gives the numbers of scikit-learn', () => {
    const codes = ['0', '1', '2', '3', '4'];
    expect(cohenKappa(pairs, codes, 'unweighted').value).toBeCloseTo(0.671280276816609, 12);
    expect(cohenKappa(pairs, codes, 'quadratic').value).toBeCloseTo(0.9264136328427576, 12);
  });

  it('is not defined where chance alone agrees', () => {
    expect(
      cohenKappa(
        [
          ['0', '0'],
          ['0', '0'],
        ],
        ['0', '1'],
        'unweighted',
      ),
    ).toEqual({ n: 2, value: null });
    expect(cohenKappa([], ['0', '1'], 'quadratic')).toEqual({ n: 0, value: null });
  });
});

describe('compareProtocols', () => {
  it('tells same, different, partly assessed and not assessed apart', () => {
    const a = setValue(schema, grade('disc.colour', 'pale'), 'macula.drusen', 'small');
    const b = setValue(schema, grade('disc.colour', 'pink'), 'disc.size', 'normal');
    const c = setValue(schema, grade('disc.size', 'normal'), 'macula.drusen', 'small');
    const relations = new Map(compareProtocols(schema, [a, b, c]).map((each) => [each.field, each]));
    expect(relations.get('disc.colour')).toMatchObject({
      values: ['pale', 'pink', null],
      relation: 'different',
    });
    expect(relations.get('disc.size')?.relation).toBe('partly-assessed');
    expect(relations.get('disc.shape')?.relation).toBe('not-assessed');
    expect(compareProtocols(schema, [a, a]).filter(({ relation }) => relation === 'same')).toHaveLength(2);
  });

  it('finds no difference between a protocol and itself', () => {
    fc.assert(
      fc.property(arbitraryProtocol(schema), (protocol) => {
        const relations = compareProtocols(schema, [protocol, protocol]).map(({ relation }) => relation);
        expect(relations.every((relation) => relation === 'same' || relation === 'not-assessed')).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('measureAgreement', () => {
  it('counts only what both assessed, and ranks only codes that have a rank', () => {
    const id = 'lesions.hard-exudates';
    const pairs = [
      ['none', 'none'],
      ['few', 'many'],
      ['few', 'few'],
      ['present', 'few'],
      ['many', null],
    ].map(([first, second]) => ({ first: grade(id, first!), second: grade(id, second!) }));
    const agreement = measureFieldAgreement(schema, pairs, id);
    expect(agreement).toMatchObject({ both: 4, onlyOne: 1, equal: 0.5 });
    expect(agreement.kappa?.n).toBe(4);
    expect(agreement.weightedKappa?.n).toBe(3);
  });

  it('describes the differences of a number', () => {
    const id = 'disc.cup-disc-ratio';
    const pairs = [0, 0.1, 0.2].map((more) => ({
      first: grade(id, 0.4),
      second: grade(id, Number((0.4 + more).toFixed(2))),
    }));
    const { difference, kappa } = measureFieldAgreement(schema, pairs, id);
    expect(kappa).toBeNull();
    expect(difference?.mean).toBeCloseTo(0.1, 12);
    expect(difference?.limits?.[1]).toBeCloseTo(0.1 + 1.96 * 0.1, 12);
  });

  it('leaves texts out', () => {
    const fields = measureAgreement(schema, []).map(({ field }) => field);
    expect(fields).toContain('conclusion.icdr');
    expect(fields).not.toContain('conclusion.text');
  });
});
