import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import fundus from '../../resources/concepts/fundus.json' with { type: 'json' };
import laterality from '../../resources/concepts/laterality.json' with { type: 'json' };
import modality from '../../resources/concepts/modality.json' with { type: 'json' };
import { conceptSetSchema } from '../engine/lens-trace/concept-set.ts';
import type { ConceptSet } from '../engine/lens-trace/concept-set.ts';
import { FundusLensError } from '../contract/errors.ts';

/** The concept sets that come with the software; the first is used when none is chosen. */
export const builtInConceptSets: readonly ConceptSet[] = [fundus, modality, laterality].map((set) =>
  conceptSetSchema.parse(set),
);

export const defaultConceptSet = builtInConceptSets[0]!.id;

/**
 * Finds a concept set by its id, or reads it from a JSON file.
 *
 * @param idOrFile an id of {@link builtInConceptSets}, or a file's path
 * @param folder   what a relative path is relative to
 * @throws FundusLensError `concepts.unknown` when there is neither, listing what exists; `concepts.invalid` when
 *   the file is not a concept set
 */
export async function loadConceptSet(idOrFile: string, folder: string = process.cwd()): Promise<ConceptSet> {
  const builtIn = builtInConceptSets.find((set) => set.id === idOrFile);
  if (builtIn !== undefined) return builtIn;
  const file = path.resolve(folder, idOrFile);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FundusLensError('concepts.unknown', 'There is no such concept set.', {
      expected: `one of ${builtInConceptSets.map((set) => set.id).join(', ')}, or a JSON file`,
      found: `${idOrFile}, and no file at ${file} that can be read`,
      advice: 'Choose one of these, or check the path of the file.',
      cause,
    });
  });
  return parseConceptSet(text, file);
}

/** @throws FundusLensError `concepts.invalid`, naming the place in the file */
function parseConceptSet(text: string, file: string): ConceptSet {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const result = conceptSetSchema.safeParse(json);
  if (!result.success) throw invalid(file, z.prettifyError(result.error), result.error);
  const ids = result.data.concepts.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw invalid(file, `two concepts with the id ${twice}`);
  return result.data;
}

function invalid(file: string, found: string, cause?: unknown): FundusLensError {
  return new FundusLensError('concepts.invalid', `${file} is not a concept set.`, {
    expected: 'JSON as in resources/concepts/fundus.json, each concept with its own id',
    found,
    advice: 'Correct the file; the software comes with examples.',
    cause,
  });
}
