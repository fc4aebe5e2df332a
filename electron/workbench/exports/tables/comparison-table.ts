import type { Comparison, PairComparison } from '../../../contract/traces/compare.ts';
import { columnsOf } from './table.ts';
import type { CellValue, Table } from './table.ts';

/** One row per pair of traces, aligned layer and quantity. */
export function comparisonTable({ pairs }: Comparison): Table {
  return {
    columns: columnsOf(
      'trace_a:whole',
      'trace_b:whole',
      'layer_a:whole',
      'layer_b:whole',
      'alignment:text',
      'quantity:text',
      'concept:text',
      'value:real',
      'lower:real',
      'upper:real',
      'exact:flag',
    ),
    rows: readPairs(pairs),
  };
}

function* readPairs(pairs: readonly PairComparison[]): Generator<readonly CellValue[]> {
  for (const pair of pairs) {
    for (const [row, [layerA, layerB]] of pair.layers.entries()) {
      const place = [pair.a, pair.b, layerA, layerB, pair.alignment] as const;
      if (pair.comparable) {
        for (const quantity of ['jensenShannon', 'totalVariation'] as const) {
          const { value, lower, upper } = pair[quantity];
          const numbers = [value[row]!, lower[row]!, upper[row]!, pair.exact] as const;
          yield [...place, quantityNames[quantity], null, ...numbers];
        }
        const [tailA, tailB] = pair.tailMass[row]!;
        yield [...place, 'tail_mass_a', null, tailA, tailA, tailA, true];
        yield [...place, 'tail_mass_b', null, tailB, tailB, tailB, true];
      }
      for (const { id, logProbDifference, rankDifference } of pair.concepts) {
        const logProb = logProbDifference[row]!;
        const rank = rankDifference[row]!;
        yield [...place, 'concept_log_prob_difference', id, logProb, logProb, logProb, true];
        yield [...place, 'concept_rank_difference', id, rank, rank, rank, true];
      }
    }
  }
}

const quantityNames = { jensenShannon: 'jensen_shannon', totalVariation: 'total_variation' } as const;
