import { setImmediate } from 'node:timers/promises';
import { lateralities } from '../../contract/laterality.ts';
import type { Facets } from '../../contract/images/images.ts';
import { imageFormats, imageQualities } from '../../contract/image-query.ts';
import type { ImageFilter } from '../../contract/image-query.ts';
import type { Library } from '../../store/library/library.ts';

interface Counted<T> {
  readonly value: T;
  readonly count: number;
}

/** Choices offered at most of what people name themselves. */
const maxNamed = 200;

/**
 * Counts how many images each choice of a filter would leave. What is already chosen in a field does not narrow that
 * field's own counts, so that a person sees what a second choice would add.
 */
export async function countFacets(library: Library, filter: ImageFilter): Promise<Facets> {
  const count = (change: Partial<ImageFilter>) => library.search.count({ filter: { ...filter, ...change } });
  const each = async <T>(values: readonly T[], change: (value: T) => Partial<ImageFilter>) => {
    const counted: Counted<T>[] = [];
    for (const value of values) {
      counted.push({ value, count: count(change(value)) });
      await setImmediate();
    }
    return counted.filter((facet) => facet.count > 0).sort((a, b) => b.count - a.count);
  };
  const tags = library.tags
    .list()
    .slice(0, maxNamed)
    .map(({ id, name }) => ({ id, name }));
  const groups = library.groups
    .list()
    .slice(0, maxNamed)
    .map(({ id, name }) => ({ id, name }));
  const labels = library.findings.labels().slice(0, maxNamed);
  return {
    total: count({}),
    lateralities: await each(lateralities, (value) => ({ lateralities: [value] })),
    modalities: await each(await listModalities(library), (value) => ({ modalities: [value] })),
    formats: await each(imageFormats, (value) => ({ formats: [value] })),
    qualities: await each(imageQualities, (value) => ({ qualities: [value] })),
    tags: await each(tags, ({ id }) => ({ tagIds: [...(filter.tagIds ?? []), id] })),
    groups: await each(groups, ({ id }) => ({ groupId: id })),
    findings: labels.map(({ label, imageCount }) => ({ value: label, count: imageCount })),
    traced: count({ traced: { is: true } }),
  };
}

const known = new WeakMap<Library, { readonly images: number; readonly modalities: string[] }>();

/** Modalities in use; read anew when the number of images has changed. */
async function listModalities(library: Library): Promise<string[]> {
  const images = library.search.count({});
  const remembered = known.get(library);
  if (remembered?.images === images) return remembered.modalities;
  const modalities = new Set<string>();
  let after: string | null = null;
  do {
    const page = library.search.page({ sort: 'imported' }, after === null ? {} : { after }, 1000);
    for (const { modality } of page.items) modalities.add(modality);
    after = page.items.length === 0 ? null : page.last;
    await setImmediate();
  } while (after !== null);
  const listed = [...modalities].sort();
  known.set(library, { images, modalities: listed });
  return listed;
}
