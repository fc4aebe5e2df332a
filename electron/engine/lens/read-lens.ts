import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import { positionsPerChunk } from '../memory/memory-needs.ts';
import type { ConceptTokens, LensHead, LensReading } from './lens-head.ts';
import { mapRows, skipNorms, type Lens } from './lens.ts';

/** Measurements of N layers × P positions, layer-major as a trace stores them. */
export interface LensCells {
  readonly topIds: Int32Array;
  readonly topLogProbs: Float32Array;
  readonly entropy: Float32Array;
  readonly klToFinal: Float32Array;
  /** float32 [N, P] */
  readonly residualNorm: Float32Array;
  /** By concept, float32 [N, P]. */
  readonly conceptLogProbs: readonly Float32Array[];
  /** By concept, int32 [N, P]. */
  readonly conceptRanks: readonly Int32Array[];
  /** By set of tokens of which no rank was asked for, float32 [N, P]. */
  readonly unrankedLogProbs: readonly Float32Array[];
}

export interface LensOptions {
  readonly lens: Lens;
  /** 1…V */
  readonly topK: number;
  readonly concepts: ConceptTokens;
  /** Further sets of tokens, of which the probability is read and no rank. */
  readonly unranked?: ConceptTokens;
}

/**
 * Reads every layer at every given position, a chunk of positions at a time; a chunk holds all layers of its
 * positions, because the divergence to the end needs the last one.
 *
 * @param residual by layer 0…L, float32 [P, D], pre-norm
 */
export async function readLens(
  head: LensHead,
  residual: readonly Float32Array[],
  { lens, topK, concepts, unranked = [] }: LensOptions,
  hooks: TraceHooks,
): Promise<LensCells> {
  const numLayers = residual.length;
  const numPositions = residual[0]!.length / head.dModel;
  const skipNorm = skipNorms(lens, numLayers);
  const cells = allocate(numLayers, numPositions, topK, concepts.length, unranked.length);
  const perChunk = positionsPerChunk(head.chunkBytes, head.numTokens, numLayers);
  for (let start = 0; start < numPositions; start += perChunk) {
    await reportProgress(hooks, 'lens', start, numPositions);
    const count = Math.min(perChunk, numPositions - start);
    const rows = gatherRows(mapRows(lens, residual, head.dModel, start, count), 0, count, head.dModel);
    scatter(
      await head.read(rows, count, skipNorm, topK, concepts, unranked),
      cells,
      start,
      count,
      numLayers,
      numPositions,
      topK,
    );
  }
  measureNorms(residual, head.dModel, cells.residualNorm);
  await reportProgress(hooks, 'lens', numPositions, numPositions);
  return cells;
}

function allocate(
  numLayers: number,
  numPositions: number,
  topK: number,
  numConcepts: number,
  numUnranked: number,
): LensCells {
  const size = numLayers * numPositions;
  return {
    topIds: new Int32Array(size * topK),
    topLogProbs: new Float32Array(size * topK),
    entropy: new Float32Array(size),
    klToFinal: new Float32Array(size),
    residualNorm: new Float32Array(size),
    conceptLogProbs: Array.from({ length: numConcepts }, () => new Float32Array(size)),
    conceptRanks: Array.from({ length: numConcepts }, () => new Int32Array(size)),
    unrankedLogProbs: Array.from({ length: numUnranked }, () => new Float32Array(size)),
  };
}

/** float32 [count, N, D]: the layers of one position side by side. */
export function gatherRows(
  residual: readonly Float32Array[],
  start: number,
  count: number,
  dModel: number,
): Float32Array {
  const rows = new Float32Array(count * residual.length * dModel);
  for (let position = 0; position < count; position++) {
    residual.forEach((stream, layer) => {
      const from = (start + position) * dModel;
      rows.set(stream.subarray(from, from + dModel), (position * residual.length + layer) * dModel);
    });
  }
  return rows;
}

function scatter(
  reading: LensReading,
  cells: LensCells,
  start: number,
  count: number,
  numLayers: number,
  numPositions: number,
  topK: number,
): void {
  const numConcepts = cells.conceptLogProbs.length;
  for (let position = 0; position < count; position++) {
    for (let layer = 0; layer < numLayers; layer++) {
      const from = position * numLayers + layer;
      const to = layer * numPositions + start + position;
      cells.topIds.set(reading.topIds.subarray(from * topK, (from + 1) * topK), to * topK);
      cells.topLogProbs.set(reading.topLogProbs.subarray(from * topK, (from + 1) * topK), to * topK);
      cells.entropy[to] = reading.entropy[from]!;
      cells.klToFinal[to] = reading.klToFinal[from]!;
      for (let concept = 0; concept < numConcepts; concept++) {
        cells.conceptLogProbs[concept]![to] = reading.conceptLogProb[from * numConcepts + concept]!;
        cells.conceptRanks[concept]![to] = reading.conceptRank[from * numConcepts + concept]!;
      }
      cells.unrankedLogProbs.forEach((values, set) => {
        values[to] = reading.unrankedLogProb[from * cells.unrankedLogProbs.length + set]!;
      });
    }
  }
}

function measureNorms(residual: readonly Float32Array[], dModel: number, norms: Float32Array): void {
  residual.forEach((stream, layer) => {
    const numPositions = stream.length / dModel;
    for (let position = 0; position < numPositions; position++) {
      const row = stream.subarray(position * dModel, (position + 1) * dModel);
      norms[layer * numPositions + position] = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    }
  });
}
