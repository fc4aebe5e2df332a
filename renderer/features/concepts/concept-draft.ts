import { gatherOwners, leavesOf } from '../../../electron/engine/lens-trace/concept-set.ts';
import type { Concept, ConceptSet } from '../../../electron/engine/lens-trace/concept-set.ts';

/** A new id after the rules of concept sets: lower-case words joined by hyphens, not yet taken. */
export function freeId(wish: string, taken: readonly string[]): string {
  const stem =
    wish
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '') || 'own';
  if (!taken.includes(stem)) return stem;
  for (let number = 2; ; number++) {
    if (!taken.includes(`${stem}-${number}`)) return `${stem}-${number}`;
  }
}

export function emptySet(taken: readonly string[]): ConceptSet {
  return {
    schema: 'fundus-lens.concept-set/1',
    id: freeId('own', taken),
    title: { en: 'Own set', ru: 'Свой набор' },
    concepts: [emptyConcept([])],
  };
}

export function copyOfSet(set: ConceptSet, taken: readonly string[]): ConceptSet {
  const copy = cloneSet(set);
  return {
    ...copy,
    id: freeId(`${set.id}-own`, taken),
    title: { en: `${copy.title.en} (copy)`, ru: `${copy.title.ru} (копия)` },
  };
}

/** A copy that shares nothing, also of a set that Vue watches. */
export function cloneSet(set: ConceptSet): ConceptSet {
  return JSON.parse(JSON.stringify(set)) as ConceptSet;
}

export function emptyConcept(taken: readonly string[]): Concept {
  return {
    id: freeId('concept', taken),
    label: { en: '', ru: '' },
    role: 'target',
    forms: { en: [], ru: [] },
  };
}

/** Surface forms as a person writes them, one per line or separated by commas. */
export function parseForms(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/[\n,;]/)
        .map((form) => form.trim())
        .filter((form) => form !== ''),
    ),
  ];
}

/** The set as it can be saved: languages without forms left out, empty labels filled from the other language. */
export function tidySet(set: ConceptSet): ConceptSet {
  return {
    ...set,
    concepts: set.concepts.map((concept) => ({
      ...concept,
      label: { en: concept.label.en || concept.label.ru, ru: concept.label.ru || concept.label.en },
      forms: Object.fromEntries(Object.entries(concept.forms).filter(([, forms]) => forms.length > 0)),
    })),
  };
}

/** The set without a concept: what was below it moves to where it was, and it is no longer what is asked first. */
export function withoutConcept(set: ConceptSet, id: string): ConceptSet {
  const parent = set.concepts.find((concept) => concept.id === id)?.parent;
  const { subject, ...rest } = set;
  return {
    ...rest,
    ...(subject === undefined || subject === id ? {} : { subject }),
    concepts: set.concepts
      .filter((concept) => concept.id !== id)
      .map((concept) => (concept.parent === id ? withParent(concept, parent) : concept)),
  };
}

/** @param parent undefined for none */
export function withParent(concept: Concept, parent: string | undefined): Concept {
  const changed: Concept = { ...concept };
  if (parent === undefined) delete changed.parent;
  else changed.parent = parent;
  return changed;
}

/** Concepts that may stand above another one: all but itself and those below it. */
export function possibleParents({ concepts }: ConceptSet, id: string): Concept[] {
  const below = gatherOwners(concepts).get(id);
  return concepts.filter((concept) => below?.has(concept.id) !== true);
}

/** Why a set cannot be saved yet; keys of `concepts.faults`. */
export function faultOf(set: ConceptSet): 'no-title' | 'no-concepts' | 'no-label' | 'no-forms' | null {
  if (set.title.en.trim() === '' || set.title.ru.trim() === '') return 'no-title';
  if (set.concepts.length === 0) return 'no-concepts';
  if (set.concepts.some(({ label }) => `${label.en}${label.ru}`.trim() === '')) return 'no-label';
  // A parent needs no words of its own: it has those of all below it.
  const leaves = leavesOf(set.concepts);
  const isEmpty = ({ id, forms }: Concept) => leaves.has(id) && Object.values(forms).flat().length === 0;
  return set.concepts.some(isEmpty) ? 'no-forms' : null;
}
