import type { FidelityLayer } from '../lens-trace/fidelity-report.ts';
import { rankCorrelation, type RowComparison } from './compare-logits.ts';

/** Fewest concepts for a rank correlation. */
const fewestConcepts = 3;

/** Adds up the comparisons of one layer. */
export class LayerTally {
  rows = 0;
  same = 0;
  clearRows = 0;
  clearSame = 0;
  klSum = 0;
  #klMax = 0;
  correlationSum = 0;
  correlated = 0;
  #errorSum = 0;

  add({ sameTop, clear, kl, concepts }: RowComparison, residualError: number): void {
    this.rows++;
    if (sameTop) this.same++;
    if (clear) this.clearRows++;
    if (clear && sameTop) this.clearSame++;
    this.klSum += kl;
    this.#klMax = Math.max(this.#klMax, kl);
    this.#errorSum += residualError;
    if (concepts.length < fewestConcepts) return;
    const correlation = rankCorrelation(
      concepts.map(({ reference }) => reference.logProb),
      concepts.map(({ prepared }) => prepared.logProb),
    );
    if (Number.isNaN(correlation)) return;
    this.correlationSum += correlation;
    this.correlated++;
  }

  finish(layer: number): FidelityLayer {
    return {
      layer,
      top1Agreement: share(this.same, this.rows),
      top1AgreementClear: share(this.clearSame, this.clearRows),
      meanKl: this.klSum / this.rows,
      maxKl: this.#klMax,
      conceptRankCorrelation: this.correlated === 0 ? null : this.correlationSum / this.correlated,
      residualError: this.#errorSum / this.rows,
    };
  }
}

/** 1 where there is nothing to disagree about. */
export function share(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}
