import { describe, expect, it } from 'vitest';
import { judgeReadability, type ConceptEvidence, type Judged } from './readability.ts';
import { countTokenSets } from './rule.ts';
import { logOddsOf } from './statistics/log-probability.ts';
import { createNormal, createRandom } from './statistics/seeded-random.ts';
import {
  drawTokenSets,
  robustZ,
  tabulatePool,
  tokenP,
  type PoolReading,
  type TokenPool,
} from './token-null.ts';

const numControls = 40;
/** Passed by every concept: few random words stand out. */
const unusual = () => 0.0005;

/** A concept whose log-odds at each layer lie `above` the highest of controls around −2. */
function evidence(
  id: string,
  above: readonly number[],
  changes: Partial<ConceptEvidence> = {},
): ConceptEvidence {
  const controls = Array.from({ length: numControls }, (_, control) =>
    Array.from({ length: above.length }, () => -2 - control / 100),
  );
  return { id, logOdds: above.map((value) => value - 2), controls, leftOut: [], tokenP: unusual, ...changes };
}
const judge = (concept: ConceptEvidence) => judgeReadability([concept]).get(concept.id)!;

describe('the rule', () => {
  it('goes back from the last layer and stops at the first failure', () => {
    expect(judge(evidence('late', [0, 0, 0, 2, 2, 2]))).toMatchObject({ state: 'readable', layer: 3 });
    expect(judge(evidence('gap', [0, 2, 2, 0, 2, 2]))).toMatchObject({ state: 'readable', layer: 4 });
    expect(judge(evidence('lost', [2, 2, 2, 2, 2, 0]))).toMatchObject({ state: 'not-readable', layer: null });
    expect(judge(evidence('always', [2, 2, 2, 2, 2, 2]))).toMatchObject({ layer: 1 });
  });

  it('asks for a nat over the highest control', () => {
    expect(judge(evidence('near', [0, 0, 0, 0, 0, 0.99]))).toMatchObject({ state: 'not-readable' });
    const found = judge(evidence('over', [0, 0, 0, 0, 0, 1.01])) as Judged;
    expect(found).toMatchObject({ state: 'readable', layer: 5, attainableP: 1 / 41, numControls: 40 });
    expect(found.layers[5]!.effect).toBeCloseTo(1.01, 9);
    expect(found.layers[5]!.p).toBe(1 / 41);
  });

  it('calls nothing readable that lies below the floor, whatever the controls', () => {
    const controls = Array.from({ length: 40 }, () => Array<number>(6).fill(-40));
    expect(
      judge(evidence('tiny', [0, 0, 0, 0, 0, 0], { controls, logOdds: Array<number>(6).fill(-15) })),
    ).toMatchObject({
      state: 'not-readable',
    });
  });

  it('does not ask with fewer than 39 controls, and says which p they allow', () => {
    const few = evidence('few', [3, 3, 3, 3, 3, 3]);
    const found = judge({ ...few, controls: few.controls.slice(0, 38), leftOut: [38, 39] });
    expect(found).toEqual({ state: 'not-asked', attainableP: 1 / 39, numControls: 38, leftOut: [38, 39] });
  });

  it('asks for the token null only where the controls are exceeded, and carries the threshold of the last layer down', () => {
    const asked: number[] = [];
    const tokens = (layer: number) => {
      asked.push(layer);
      return layer >= 4 ? 0.001 : 0.02;
    };
    const others = Array.from({ length: 20 }, (_, index) => evidence(`other-${index}`, [0, 0, 0, 0, 0, 0]));
    const found = judgeReadability([evidence('one', [0, 0, 2, 2, 2, 2], { tokenP: tokens }), ...others]);
    // 1 of 21 concepts: the threshold is what the last layer had, 0.001, and not the level.
    expect(found.get('one')).toMatchObject({ layer: 4, tokenP: 0.001 });
    expect((found.get('one') as Judged).q).toBeCloseTo(0.021, 9);
    expect(asked).toEqual([5, 4, 3]);
    expect(found.get('other-3')).toMatchObject({ tokenP: null, q: 1 });
  });

  it('refuses curves of other lengths and values that are no numbers', () => {
    expect(() => judge(evidence('short', [0, 0], { logOdds: [1] }))).toThrow(RangeError);
    expect(() => judge(evidence('nan', [0, NaN]))).toThrow(RangeError);
  });
});

/** Readings of words that drift from layer to layer, alike in the trace and in every control. */
function simulate(seed: number, numConcepts: number, planted: readonly number[] = []) {
  const numLayers = 3;
  const random = createRandom(seed);
  const normal = createNormal(random);
  const poolSize = 2048;
  const pool: TokenPool = { ids: Int32Array.from({ length: poolSize }, (_, index) => index) };
  const numWords = numConcepts + poolSize;
  const base = Array.from({ length: numWords }, () => -4 + normal());
  /** By cell (trace first, then controls), layer and word; heavy tails, neighbouring layers alike. */
  const cells = Array.from({ length: 1 + 39 }, () => {
    const drift = base.map(() => normal() * Math.exp(0.5 * normal()));
    return Array.from({ length: numLayers }, () =>
      base.map((own, word) => {
        drift[word] = 0.8 * drift[word]! + 0.6 * normal();
        return own + drift[word];
      }),
    );
  });
  for (const concept of planted)
    for (let layer = 2; layer < numLayers; layer++) cells[0]![layer]![concept]! += 11;
  const readingAt = (cell: number, layer: number): PoolReading => {
    const odds = cells[cell]![layer]!.slice(numConcepts);
    return {
      logProbs: Float32Array.from(odds, (value) => -Math.log1p(Math.exp(-value))),
      topPlace: -1,
      topLogComplement: 0,
    };
  };
  return judgeReadability(
    Array.from({ length: numConcepts }, (_, concept): ConceptEvidence => {
      const curve = (cell: number) => cells[cell]!.map((words) => words[concept]!);
      const sets = drawTokenSets(pool, [concept], countTokenSets(numConcepts), 100 * seed + concept);
      return {
        id: String(concept),
        logOdds: curve(0),
        controls: Array.from({ length: 39 }, (_, control) => curve(control + 1)),
        leftOut: [],
        tokenP: (layer, z) =>
          tokenP(
            z,
            sets,
            tabulatePool(
              readingAt(0, layer),
              Array.from({ length: 39 }, (_, control) => readingAt(control + 1, layer)),
            ),
            Array.from({ length: 39 }, (_, control) => control),
          ),
      };
    }),
  );
}

it('a token that is a cell’s likeliest is counted by its complement, and controls that are left out do not count', () => {
  const cell = (logProbs: readonly number[], topPlace: number, topLogComplement: number): PoolReading => ({
    logProbs: Float32Array.from(logProbs),
    topPlace,
    topLogComplement,
  });
  const sets = { places: Int32Array.from([0, 1, 2]), size: 1 };
  // The first token is almost certain in the trace: 1 − p is known as e^−9, and could not be told from p in float32.
  const own = cell([0, -12, -13], 0, -9);
  const others = [-2, -2.5, -3].map((value) => cell([value, -12, -13], -1, 0));
  const alike = cell([0, -12, -13], 0, -9);
  const table = tabulatePool(own, [...others, alike]);
  const z = robustZ(9, [-2, -2.5, -3].map(logOddsOf));
  expect(tokenP(z - 1e-6, sets, table, [0, 1, 2])).toBe(2 / 4);
  expect(tokenP(z + 1e-6, sets, table, [0, 1, 2])).toBe(1 / 4);
  expect(tokenP(z - 1e-6, sets, table, [0, 1, 2, 3])).toBe(1 / 4);
});

describe('simulated traces', () => {
  it(
    'of exchangeable readings: at most 1 % of concepts and 5 % of traces are falsely readable',
    { timeout: 120_000 },
    () => {
      const traces = 100;
      const numConcepts = 47;
      const found = Array.from(
        { length: traces },
        (_, seed) =>
          [...simulate(seed, numConcepts).values()].filter(({ state }) => state === 'readable').length,
      );
      const falseConcepts = found.reduce((sum, count) => sum + count, 0) / (traces * numConcepts);
      const falseTraces = found.filter((count) => count > 0).length / traces;
      expect(falseConcepts).toBeLessThanOrEqual(0.01);
      expect(falseTraces).toBeLessThanOrEqual(0.05);
    },
  );

  it('of planted concepts: found from the layer that they were planted at', { timeout: 120_000 }, () => {
    let within = 0;
    const traces = 20;
    for (let seed = 0; seed < traces; seed++) {
      const found = simulate(1000 + seed, 47, [5, 11]);
      for (const id of ['5', '11']) {
        const { layer } = found.get(id) as Judged;
        if (layer !== null && Math.abs(layer - 2) <= 1) within++;
      }
    }
    expect(within / (2 * traces)).toBeGreaterThanOrEqual(0.95);
  });
});
