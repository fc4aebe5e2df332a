import { readTellingTokens, type TellingTokens } from '../concepts/concept-emergence.ts';
import { readWords, type WordReading } from '../concepts/read-words.ts';
import type { WordSet } from '../concepts/word-set.ts';
import type { LoadedModel } from '../model/model.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { Lens } from '../lens/lens.ts';
import type { InputReading } from './read-input.ts';
import { areOfImage, type TraceInput } from './trace-input.ts';

/** The concepts of a trace: whole words where the answer begins, telling first tokens at positions of the image. */
export interface ConceptsReading {
  readonly words: WordReading;
  readonly telling: TellingTokens;
  /** Places of image positions among the trace's. */
  readonly imageColumns: readonly number[];
}

/** Before anything is generated, while the cache of the prompt is at hand. */
export async function readConcepts(
  model: LoadedModel,
  words: WordSet,
  input: TraceInput,
  reading: InputReading,
  lens: Lens,
  hooks: TraceHooks,
): Promise<ConceptsReading> {
  const { prompt, positions } = input;
  const last = prompt.tokenIds.length - 1;
  const answer = { prompt, residual: reading.residual([last]), cache: reading.run.caches()[0]!, lens };
  const ofImage = areOfImage(input);
  const imageColumns = positions.flatMap((_, column) => (ofImage[column] === true ? [column] : []));
  const cells = reading.residual(imageColumns.map((column) => positions[column]!));
  return {
    words: await readWords(model, words, answer, hooks),
    telling: await readTellingTokens(model, words, cells, lens, hooks),
    imageColumns,
  };
}
