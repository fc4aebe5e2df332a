import { defineStore } from 'pinia';
import { computed, onMounted, onUnmounted, ref, shallowRef, watch } from 'vue';
import type { ShallowRef } from 'vue';
import { GridRows } from '../../../electron/contract/images/image-grid.ts';
import type { GridCard } from '../../../electron/contract/images/image-grid.ts';
import type { Facets, Undone } from '../../../electron/contract/images/images.ts';
import type { Group } from '../../../electron/contract/images/groups.ts';
import type { Tag } from '../../../electron/contract/images/tags.ts';
import type { ImageFilter, ImageSortKey } from '../../../electron/contract/image-query.ts';
import { workbench } from '../../api/connection.ts';
import { onWorkbenchEvent } from '../../api/events.ts';
import { GridIndex } from './grid-index.ts';
import { nextSelection } from './selection-store.ts';
import type { SelectionMode } from './selection-store.ts';
import { useWorkspace } from '../app/workspace-store.ts';
import { useToasts } from '../../ui/toasts-store.ts';

/** The images that the grid shows: a query, its cells, and the selection. */
export const useLibrary = defineStore('library', () => {
  const filter = ref<ImageFilter>({});
  const sort = ref<ImageSortKey>('patient');
  const descending = ref(false);
  const total = ref<number | null>(null);
  /** Grows whenever cells that are looked at arrive; the grid reads them again. */
  const version = ref(0);
  const selected = shallowRef<ReadonlySet<number>>(new Set());
  const cursor = ref(0);
  const facets = shallowRef<Facets | null>(null);
  const tags = shallowRef<Tag[]>([]);
  const groups = shallowRef<Group[]>([]);
  const undoable = shallowRef<Undone | null>(null);
  const failed = shallowRef<unknown>(null);
  const toasts = useToasts();
  const workspace = useWorkspace();
  watch(selected, (ids) => (workspace.selectedImages = ids));

  const query = computed(() => ({ filter: filter.value, sort: sort.value, descending: descending.value }));
  const index = new GridIndex({
    read: async (first, limit) => {
      const packed = await workbench.images.grid({ query: query.value, first, limit });
      return new GridRows(await packed.arrayBuffer());
    },
    arrived: (first, last) => {
      total.value = index.total;
      if (index.isWanted(first, last)) version.value += 1;
    },
  });
  let generation = 0;
  let anchor = 0;
  let facetReaders = 0;
  let order: Promise<number[]> | null = null;

  /** Reads the query anew; cells on the screen stay until their successors are here. */
  async function reload(isOtherQuery = false): Promise<void> {
    const round = ++generation;
    order = null;
    try {
      if (!(await index.restart(isOtherQuery))) return;
      failed.value = null;
      version.value += 1;
      cursor.value = Math.min(cursor.value, Math.max(0, (total.value ?? 0) - 1));
      void loadSides();
    } catch (error) {
      if (round === generation) failed.value = error;
    }
  }

  async function loadSides() {
    const round = generation;
    const [nextTags, nextGroups, nextUndoable] = await Promise.all([
      workbench.tags.list(),
      workbench.groups.list(),
      workbench.images.undoable(),
    ]);
    if (round !== generation) return;
    replace(tags, nextTags);
    replace(groups, nextGroups);
    undoable.value = nextUndoable;
    if (facetReaders > 0) await loadFacets();
  }

  async function loadFacets() {
    const round = generation;
    const next = await workbench.images.facets({ filter: filter.value });
    if (round === generation) replace(facets, next);
  }

  /** Counts of choices take a while in a large library, and are made while somebody looks at them. */
  function useFacets() {
    onMounted(() => {
      facetReaders += 1;
      if (facetReaders === 1) void loadFacets().catch(toasts.fail);
    });
    onUnmounted(() => (facetReaders -= 1));
  }

  /** Leaves what has not changed in place, so that nothing is drawn again for it. */
  function replace<T>(held: ShallowRef<T>, next: T) {
    if (JSON.stringify(held.value) !== JSON.stringify(next)) held.value = next;
  }

  /** Tells which cells are on the screen; only the latest wish is served. */
  function want(from: number, to: number) {
    index.want(from, to);
  }

  function cardAt(place: number): GridCard | undefined {
    return index.at(place);
  }

  function allIds(): Promise<number[]> {
    const here = index.ids();
    if (here !== null) return Promise.resolve(here);
    order ??= workbench.images.ids({ query: query.value });
    return order;
  }

  async function select(place: number, mode: SelectionMode) {
    cursor.value = place;
    if (mode === 'range') {
      const ids = await allIds();
      const [from, to] = [Math.min(anchor, place), Math.max(anchor, place)];
      selected.value = nextSelection(new Set(), ids[place]!, 'range', ids.slice(from, to + 1));
      return;
    }
    anchor = place;
    const id = index.at(place)?.id ?? (await allIds())[place];
    if (id !== undefined) selected.value = nextSelection(selected.value, id, mode, []);
  }

  async function selectAll() {
    selected.value = new Set(await allIds());
  }

  function clearSelection() {
    selected.value = new Set();
  }

  /** Runs a change of the library and says when it cannot be made. */
  async function change<T>(action: () => Promise<T>): Promise<T | null> {
    try {
      return await action();
    } catch (error) {
      toasts.fail(error);
      return null;
    }
  }

  async function undo() {
    const undone = await change(() => workbench.images.undo());
    if (undone !== null) await reload();
    return undone;
  }

  watch(query, () => {
    cursor.value = 0;
    void reload(true);
  });

  let later: ReturnType<typeof setTimeout> | undefined;
  onWorkbenchEvent((event) => {
    const touches =
      event.type === 'resync' ||
      (event.type === 'library' &&
        ['images', 'tags', 'groups', 'patients', 'visits', 'traces'].includes(event.what));
    if (!touches || total.value === null) return;
    clearTimeout(later);
    later = setTimeout(() => void reload(), 250);
  });

  return {
    filter,
    sort,
    descending,
    total,
    version,
    selected,
    cursor,
    facets,
    useFacets,
    tags,
    groups,
    undoable,
    failed,
    reload,
    want,
    cardAt,
    select,
    selectAll,
    clearSelection,
    change,
    undo,
  };
});
