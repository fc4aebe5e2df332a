import { z } from 'zod';
import type { ConceptSet } from '../../engine/lens-trace/concept-set.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { Library } from '../../store/library/library.ts';
import { builtInConceptSets } from '../../bundled/concept-sets.ts';

export interface ListedConceptSet {
  readonly builtIn: boolean;
  readonly set: ConceptSet;
}

/** Row of the edition in use, by set id; editions that only traces use are not listed. */
const ownKey = 'concepts.own';
const ownSchema = z.record(z.string(), z.int().positive());

/** Sets that come with the software, then the newest edition of each own one. */
export function listConceptSets(library: Library): ListedConceptSet[] {
  const own = Object.values(readOwn(library)).map((row) => library.conceptSets.get(row).set);
  return [
    ...builtInConceptSets.map((set) => ({ builtIn: true, set })),
    ...own.map((set) => ({ builtIn: false, set })),
  ];
}

/** @throws FundusLensError `concepts.unknown` */
export function findConceptSet(library: Library, setId: string): ListedConceptSet {
  const listed = listConceptSets(library);
  const known = listed.find(({ set }) => set.id === setId);
  if (known !== undefined) return known;
  throw new FundusLensError('concepts.unknown', 'There is no such concept set.', {
    expected: listed.map(({ set }) => set.id).join(', '),
    found: setId,
    advice: 'Choose one of these.',
  });
}

/** @throws FundusLensError `concepts.invalid` for a built-in id, or a concept id that occurs twice */
export function saveConceptSet(library: Library, set: ConceptSet): ListedConceptSet {
  if (isBuiltIn(set.id)) {
    throw new FundusLensError('concepts.invalid', 'The sets that come with the software stay as they are.', {
      expected: 'an id of its own',
      found: set.id,
      advice: 'Save the set under another id.',
    });
  }
  const ids = set.concepts.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) {
    throw new FundusLensError('concepts.invalid', 'Two concepts have the same id.', { found: twice });
  }
  library.transaction(() => {
    const row = library.conceptSets.ensure(set);
    library.settings.set(ownKey, { ...readOwn(library), [set.id]: row });
  });
  return { builtIn: false, set };
}

/** Puts an own set into the trash; the editions that traces were made with stay. @returns its number there */
export function removeConceptSet(library: Library, setId: string): number {
  if (isBuiltIn(setId)) {
    throw new FundusLensError('concepts.invalid', 'The sets that come with the software cannot be removed.');
  }
  const { title } = findConceptSet(library, setId).set;
  const { [setId]: row, ...rest } = readOwn(library);
  return library.transaction(() => {
    library.settings.set(ownKey, rest);
    const label = title.en === title.ru ? title.en : `${title.en} / ${title.ru}`;
    return library.trash.keepSetting('concept-set', label, { [ownKey]: JSON.stringify({ [setId]: row }) });
  });
}

function readOwn(library: Library): Record<string, number> {
  return library.settings.get(ownKey, ownSchema, {});
}

function isBuiltIn(setId: string): boolean {
  return builtInConceptSets.some((set) => set.id === setId);
}
