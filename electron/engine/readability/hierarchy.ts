/** A concept's place among the others; a parent is the union of what is below it, never their mean. */
export interface PlacedConcept {
  readonly id: string;
  readonly parent?: string | undefined;
}

/**
 * By concept, the ids whose words are its own: itself and everything below.
 *
 * @throws RangeError for a parent that is not in the set, or a circle of parents
 */
export function gatherOwners(concepts: readonly PlacedConcept[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byId = new Map(concepts.map((concept) => [concept.id, concept]));
  const owners = new Map(concepts.map(({ id }) => [id, new Set([id])]));
  for (const { id } of concepts) {
    for (const ancestor of ancestorsOf(byId, id)) owners.get(ancestor)!.add(id);
  }
  return owners;
}

/** Concepts that have none below them. */
export function leavesOf(concepts: readonly PlacedConcept[]): ReadonlySet<string> {
  const parents = new Set(concepts.map(({ parent }) => parent));
  return new Set(concepts.map(({ id }) => id).filter((id) => !parents.has(id)));
}

function ancestorsOf(byId: ReadonlyMap<string, PlacedConcept>, id: string): string[] {
  const found: string[] = [];
  for (let parent = byId.get(id)!.parent; parent !== undefined; parent = byId.get(parent)!.parent) {
    if (!byId.has(parent))
      throw new RangeError(`the parent "${parent}" of "${found.at(-1) ?? id}" is not in the set`);
    if (parent === id || found.includes(parent)) throw new RangeError(`"${id}" is its own ancestor`);
    found.push(parent);
  }
  return found;
}
