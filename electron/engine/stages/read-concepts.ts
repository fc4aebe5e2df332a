import { byConcept, tellingSets, type TellingTokens } from '../concepts/concept-emergence.ts';
import { readWords, type WordReading } from '../concepts/read-words.ts';
import type { WordSet } from '../concepts/word-set.ts';
import type { ResolvedConcept } from '../lens/resolve-concepts.ts';
import { readLens, type LensCells } from '../lens/read-lens.ts';
import type { LoadedModel } from '../model/model.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { Lens } from '../lens/lens.ts';
import type { InputReading } from './read-input.ts';
import { areOfImage, type TraceInput } from './trace-input.ts';

/** The whole words of the concepts where the answer begins, before anything is generated: the prompt's cache is at hand. */
export function readAnswerWords(
  model: LoadedModel,
  words: WordSet,
  { prompt }: TraceInput,
  reading: InputReading,
  lens: Lens,
  hooks: TraceHooks,
): Promise<WordReading> {
  const last = prompt.tokenIds.length - 1;
  const answer = { prompt, residual: reading.residual([last]), cache: reading.run.caches()[0]!, lens };
  return readWords(model, words, answer, hooks);
}

/** Every cell of a trace, and what is read of the concepts at positions of the image. */
export interface CellsReading {
  readonly cells: LensCells;
  /** Telling first tokens, float32 [N, P] of all of the trace's positions; null of all where none is of the image. */
  readonly telling: TellingTokens;
  /** Places of image positions among the trace's. */
  readonly imageColumns: readonly number[];
}

/**
 * @param residual by layer, float32 [P, D]: the trace's positions and those that were generated
 * @param topK 1…V
 */
export async function readCells(
  model: LoadedModel,
  { words, concepts }: { readonly words: WordSet; readonly concepts: readonly ResolvedConcept[] },
  input: TraceInput,
  residual: readonly Float32Array[],
  lens: Lens,
  topK: number,
  hooks: TraceHooks,
): Promise<CellsReading> {
  const ofImage = areOfImage(input);
  const imageColumns = input.positions.flatMap((_, column) => (ofImage[column] === true ? [column] : []));
  const cells = await readLens(
    model.head,
    residual,
    {
      ...{ lens, topK },
      concepts: concepts.map(({ tokens }) => tokens.map(({ id }) => id)),
      unranked: imageColumns.length === 0 ? [] : tellingSets(words),
    },
    hooks,
  );
  return { cells, telling: byConcept(words, cells.unrankedLogProbs), imageColumns };
}
