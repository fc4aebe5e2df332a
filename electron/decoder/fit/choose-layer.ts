import type { FieldEvaluation } from '../layer/evaluate-layer.ts';
import type { PlannedLayer } from './fit-plan.ts';

/** Which layer and penalty a field is read at. */
export interface FieldChoice {
  /** Over all patients: what the decoder uses. Indices into the layers and the penalties. */
  readonly final: { readonly layer: number; readonly lambda: number };
  /** What the others chose for each fold of patients, folds with the same choice together. */
  readonly picks: readonly {
    readonly layer: number;
    readonly lambda: number;
    readonly folds: Int32Array;
  }[];
  /** float64 [n, columns]: each fold's scores at the choice of the others. */
  readonly scores: Float64Array;
}

/**
 * Chooses among the layers (never a baseline) by squared error on patients left out, the first of equals; for each
 * fold of the outer cross-validation again without that fold.
 *
 * @param evaluations of one field, one a layer
 * @param folds       places at which folds begin
 */
export function chooseLayers(
  layers: readonly PlannedLayer[],
  evaluations: readonly FieldEvaluation[],
  folds: Int32Array,
): FieldChoice {
  const candidates = [...layers.keys()].filter((index) => layers[index]!.role === 'layers');
  const bestBy = (errorOf: (evaluation: FieldEvaluation) => number) =>
    candidates.reduce((best, index) =>
      errorOf(evaluations[index]!) < errorOf(evaluations[best]!) ? index : best,
    );
  const final = bestBy(({ errors, best }) => errors[best]!);
  const length = evaluations[final]!.scores.length;
  const scores = new Float64Array(length);
  const columns = length / folds.at(-1)!;
  const picks = new Map<string, { layer: number; lambda: number; folds: number[] }>();
  for (let fold = 0; fold + 1 < folds.length; fold++) {
    const layer = bestBy(({ innerErrors }) => innerErrors[fold]!);
    const lambda = evaluations[layer]!.picks[fold]!;
    const begin = folds[fold]! * columns;
    scores.set(evaluations[layer]!.scores.subarray(begin, folds[fold + 1]! * columns), begin);
    const key = `${layer} ${lambda}`;
    const same = picks.get(key);
    if (same === undefined) picks.set(key, { layer, lambda, folds: [fold] });
    else same.folds.push(fold);
  }
  return {
    final: { layer: final, lambda: evaluations[final]!.best },
    picks: [...picks.values()]
      .sort((a, b) => b.folds.length - a.folds.length)
      .map((pick) => ({ ...pick, folds: Int32Array.from(pick.folds) })),
    scores,
  };
}
