import type { FieldEvaluation } from './evaluate-layer.ts';
import type { PlannedLayer } from './fit-plan.ts';

/** Which layer and penalty a field is read at. */
export interface FieldChoice {
  /** Over all patients: what the decoder uses. Indices into the layers and the penalties. */
  readonly final: { readonly layer: number; readonly lambda: number };
  /** What the others chose for each patient, patients with the same choice together. */
  readonly picks: readonly {
    readonly layer: number;
    readonly lambda: number;
    readonly patients: Int32Array;
  }[];
  /** float64 [n, columns]: each patient's scores at the choice of the others. */
  readonly scores: Float64Array;
}

/**
 * Chooses among the layers (never a baseline) by squared error on patients left out, the first of equals; for each
 * patient again without that patient.
 *
 * @param evaluations of one field, one a layer
 * @param starts      places at which patients begin
 */
export function chooseLayers(
  layers: readonly PlannedLayer[],
  evaluations: readonly FieldEvaluation[],
  starts: Int32Array,
): FieldChoice {
  const candidates = [...layers.keys()].filter((index) => layers[index]!.role === 'layers');
  const bestBy = (errorOf: (evaluation: FieldEvaluation) => number) =>
    candidates.reduce((best, index) =>
      errorOf(evaluations[index]!) < errorOf(evaluations[best]!) ? index : best,
    );
  const final = bestBy(({ errors, best }) => errors[best]!);
  const length = evaluations[final]!.scores.length;
  const scores = new Float64Array(length);
  const columns = length / starts.at(-1)!;
  const picks = new Map<string, { layer: number; lambda: number; patients: number[] }>();
  for (let patient = 0; patient + 1 < starts.length; patient++) {
    const layer = bestBy(({ innerErrors }) => innerErrors[patient]!);
    const lambda = evaluations[layer]!.picks[patient]!;
    const begin = starts[patient]! * columns;
    scores.set(evaluations[layer]!.scores.subarray(begin, starts[patient + 1]! * columns), begin);
    const key = `${layer} ${lambda}`;
    const same = picks.get(key);
    if (same === undefined) picks.set(key, { layer, lambda, patients: [patient] });
    else same.patients.push(patient);
  }
  return {
    final: { layer: final, lambda: evaluations[final]!.best },
    picks: [...picks.values()]
      .sort((a, b) => b.patients.length - a.patients.length)
      .map(({ layer, lambda, patients }) => ({ layer, lambda, patients: Int32Array.from(patients) })),
    scores,
  };
}
