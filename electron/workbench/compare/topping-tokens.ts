import type { Comparison } from '../../contract/traces/compare.ts';
import type { PositionReader } from './read-cells.ts';

type ToppingToken = Comparison['toppingTokens'][number];

/**
 * Tokens that are among the first `topRank` at any layer of any trace, most often topping first. Where a token is not
 * among the kept ones its log-probability and rank are null: it is below them, not absent.
 *
 * @param sameVocabulary whether an id means the same token in every trace; else tokens are told apart by their text
 */
export function findToppingTokens(
  readers: readonly PositionReader[],
  topRank: number,
  sameVocabulary: boolean,
): ToppingToken[] {
  const tokens = new Map<string, ToppingToken>();
  const textOf = (reader: PositionReader, id: number) => reader.trace.tokenTexts[id] ?? '';
  const keyOf = (reader: PositionReader, id: number) => (sameVocabulary ? String(id) : textOf(reader, id));
  const blank = (): (number | null)[][] =>
    readers.map(({ numLayers }) => Array<number | null>(numLayers).fill(null));

  for (const [index, reader] of readers.entries()) {
    for (let layer = 0; layer < reader.numLayers; layer++) {
      const { ids } = reader.top(layer);
      for (let rank = 0; rank < Math.min(topRank, ids.length); rank++) {
        const tokenId = ids[rank]!;
        const key = keyOf(reader, tokenId);
        const token = tokens.get(key) ?? {
          tokenId,
          text: textOf(reader, tokenId),
          logProb: blank(),
          rank: blank(),
          topsLayers: readers.map(() => []),
        };
        token.topsLayers[index]!.push(layer);
        tokens.set(key, token);
      }
    }
  }
  for (const [index, reader] of readers.entries()) {
    for (let layer = 0; layer < reader.numLayers; layer++) {
      const { ids, logProbs } = reader.top(layer);
      for (let k = 0; k < ids.length; k++) {
        const token = tokens.get(keyOf(reader, ids[k]!));
        if (token === undefined || token.rank[index]![layer] !== null) continue;
        token.logProb[index]![layer] = logProbs[k]!;
        token.rank[index]![layer] = k + 1;
      }
    }
  }
  const times = ({ topsLayers }: ToppingToken) => topsLayers.reduce((sum, layers) => sum + layers.length, 0);
  return [...tokens.values()].sort((a, b) => times(b) - times(a) || a.tokenId - b.tokenId);
}
