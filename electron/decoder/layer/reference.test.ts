import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chooseLayers } from '../fit/choose-layer.ts';
import { evaluateLayer } from './evaluate-layer.ts';
import { makeFactor, makeLayerMatrix } from '../linear/factor.ts';
import { leaveEachOut, leftOutScores, prepareLeaveOut } from '../linear/leave-out.ts';
import { auprc, auroc, macroF1, meanAbsoluteError, quadraticKappa, rankScores } from '../measure/metrics.ts';
import { groupByPatient } from './patient-groups.ts';
import type { Pattern } from './pattern.ts';
import { fitPlatt } from '../measure/platt.ts';
import { fitRidge, scoreRows, weightsOf } from '../linear/ridge.ts';
import { decodeTensors, readFloat32 } from '../file/tensor-file.ts';

/** Numbers of scikit-learn: models/reference/decoder/make_fixtures.py. */
const folder = new URL('../../../data/fixtures/decoder/', import.meta.url);
const { tensors } = decodeTensors(readFileSync(new URL('features.safetensors', folder)));
interface RidgeCase {
  readonly lambda: number;
  readonly weights: number[];
  readonly predictions: number[];
  readonly left_out: number[];
  readonly left_out_scores: number[];
}
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as {
  readonly patients: number[];
  readonly binary: number[];
  readonly grade: number[];
  readonly number: number[];
  readonly ridge: [RidgeCase, RidgeCase, RidgeCase];
  readonly nested: {
    readonly lambdas: number[];
    readonly fold_patients: number[][];
    readonly chosen: { readonly layer: number; readonly lambda: number }[];
    readonly inner_errors: number[][];
    readonly scores: number[];
    readonly auroc: number;
  };
  readonly metrics: Record<string, number> & {
    readonly tied: number[];
    readonly predicted: number[];
    readonly weights: number[];
  };
  readonly platt: { readonly slope: number; readonly offset: number };
};
const patients = expected.patients.map(String);
const groups = groupByPatient(patients, patients.keys());
const count = patients.length;

function matrixOf(name: string) {
  const tensor = tensors.get(name)!;
  return makeLayerMatrix(readFloat32(tensor), count, tensor.shape[1]!);
}

/** Largest difference between two lists. */
function worst(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(found.length).toBe(wanted.length);
  return Math.max(...Array.from(found, (value, at) => Math.abs(value - wanted[at]!)));
}

describe('scikit-learn', () => {
  test.each([
    ['layer.1', 'binary', 0],
    ['layer.2', 'number', 1],
    ['wide', 'binary', 2],
  ] as const)(
    'Ridge on %s for the %s field: weights, predictions, patients left out',
    (name, field, index) => {
      const wanted = expected.ridge[index];
      const matrix = matrixOf(name);
      const targets = Float64Array.from(expected[field]);
      const factor = makeFactor(matrix, groups.rows);
      const lambda = wanted.lambda * factor.spread;
      const fit = fitRidge(factor, targets, 1, lambda);
      expect(worst(weightsOf(factor, fit, 1, 0), wanted.weights)).toBeLessThan(1e-9);
      const predictions = scoreRows(fit, factor.projected, factor.rank, 1).map(
        (score) => score + fit.means[0]!,
      );
      expect(worst(predictions, wanted.predictions)).toBeLessThan(1e-9);
      const left = leaveEachOut(prepareLeaveOut(factor, groups.starts, targets, 1, lambda));
      expect(
        worst(
          left.map((value, at) => targets[at]! - value),
          wanted.left_out,
        ),
      ).toBeLessThan(1e-9);
      expect(worst(leftOutScores(left, targets, 1, groups.starts), wanted.left_out_scores)).toBeLessThan(
        1e-9,
      );
    },
  );

  test('nested choice of layer and penalty, with every ridge fitted again', () => {
    const {
      lambdas,
      fold_patients: foldPatients,
      chosen,
      inner_errors: errors,
      scores,
      auroc: area,
    } = expected.nested;
    const folds = Int32Array.from([
      ...foldPatients.map(([first]) => groups.starts[groups.patients.indexOf(String(first))]!),
      count,
    ]);
    const targets = Float64Array.from(expected.binary);
    const pattern: Pattern = {
      groups,
      folds,
      fields: [{ id: 'binary', kind: 'binary', classes: 2, begin: 0, columns: 1 }],
      columns: 1,
      targets,
      labels: [targets],
    };
    const evaluations = [0, 1, 2].map((layer) => {
      const tensor = tensors.get(`layer.${layer}`)!;
      const [[field] = []] = evaluateLayer({
        kind: 'evaluate',
        values: readFloat32(tensor),
        count,
        width: tensor.shape[1]!,
        lambdas,
        patterns: [{ pattern, permutations: [], splits: [] }],
      });
      return field!;
    });
    for (const [layer, { innerErrors }] of evaluations.entries())
      expect(
        worst(
          innerErrors,
          errors.map((fold) => fold[layer]!),
        ),
      ).toBeLessThan(1e-8);
    const layers = [0, 1, 2].map((layer) => ({
      set: 'layers',
      role: 'layers' as const,
      layer,
      width: 14,
      values: new Float32Array(0),
    }));
    const choice = chooseLayers(layers, evaluations, folds);
    const picked = chosen.map((_, fold) => {
      const pick = choice.picks.find((candidate) => candidate.folds.includes(fold))!;
      return { layer: pick.layer, lambda: lambdas[pick.lambda] };
    });
    expect(picked).toEqual(chosen);
    // A choice that is the same everywhere would not show that folds choose by themselves.
    expect(new Set(chosen.map(({ layer }) => layer)).size).toBeGreaterThan(1);
    expect(worst(choice.scores, scores)).toBeLessThan(1e-9);
    expect(auroc(rankScores(choice.scores), targets)).toBeCloseTo(area, 12);
  });

  test('metrics, with ties and with weights', () => {
    const { metrics } = expected;
    const positive = Float64Array.from(expected.binary);
    const scores = Float64Array.from(expected.ridge[0].left_out_scores);
    const grade = Int32Array.from(expected.grade);
    const predicted = Int32Array.from(metrics.predicted);
    const weights = Float64Array.from(metrics.weights);
    const ranking = rankScores(scores);
    const tied = rankScores(Float64Array.from(metrics.tied));
    expect({
      auroc: auroc(ranking, positive),
      auroc_tied: auroc(tied, positive),
      auroc_weighted: auroc(tied, positive, weights),
      auprc: auprc(ranking, positive),
      auprc_tied: auprc(tied, positive),
      auprc_weighted: auprc(tied, positive, weights),
      macro_f1: macroF1(grade, predicted, 3),
      quadratic_kappa: quadraticKappa(grade, predicted, 3),
      mae: meanAbsoluteError(Float64Array.from(expected.number), scores),
    }).toEqual(
      Object.fromEntries(
        Object.entries(metrics)
          .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
          .map(([name, value]) => [name, expect.closeTo(value, 12) as number]),
      ),
    );
  });

  test('Platt’s scaling is the logistic regression of softened targets', () => {
    const scores = Float64Array.from(expected.ridge[0].left_out_scores);
    const { slope, offset } = fitPlatt(scores, Float64Array.from(expected.binary));
    expect(slope).toBeCloseTo(expected.platt.slope, 8);
    expect(offset).toBeCloseTo(expected.platt.offset, 8);
  });
});
