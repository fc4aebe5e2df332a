import { defineStore } from 'pinia';
import { computed, ref, shallowRef, watch } from 'vue';
import type { Facets, Undone } from '../../electron/common/library-edit.ts';
import type { Group, ImageCard, Tag } from '../../electron/common/library-model.ts';
import type { ImageFilter, ImageSortKey } from '../../electron/common/library-query.ts';
import { workbench } from '../api/connection.ts';
import { onWorkbenchEvent } from '../api/events.ts';
import { PageCache } from './page-cache.ts';
import { nextSelection } from './selection.ts';
import type { SelectionMode } from './selection.ts';
import { useToasts } from './toasts.ts';

const pageSize = 200;

/** The images that the grid shows: a query, its pages as they are needed, and the selection. */
export const useLibrary = defineStore('library', () => {
  const filter = ref<ImageFilter>({});
  const sort = ref<ImageSortKey>('patient');
  const descending = ref(false);
  const total = ref<number | null>(null);
  /** Grows whenever pages arrive; the grid reads cards again. */
  const version = ref(0);
  const selected = shallowRef<ReadonlySet<number>>(new Set());
  const cursor = ref(0);
  const facets = shallowRef<Facets | null>(null);
  const tags = shallowRef<Tag[]>([]);
  const groups = shallowRef<Group[]>([]);
  const undoable = shallowRef<Undone | null>(null);
  const failed = shallowRef<unknown>(null);
  const toasts = useToasts();

  const pages = new PageCache<ImageCard>(pageSize, 60);
  const query = computed(() => ({ filter: filter.value, sort: sort.value, descending: descending.value }));
  let generation = 0;
  let anchor = 0;
  let wanted: readonly [number, number] = [0, 0];
  let fetching = false;
  let order: Promise<number[]> | null = null;

  /** Reads the query anew; cards on the screen stay until their successors are here. */
  async function reload(): Promise<void> {
    const round = ++generation;
    order = null;
    try {
      const [count, first] = await Promise.all([
        workbench.images.count({ query: query.value }),
        workbench.images.page({
          query: query.value,
          start: { offset: pageStart(wanted[0]) },
          limit: pageSize,
        }),
      ]);
      if (round !== generation) return;
      failed.value = null;
      pages.clear();
      pages.put(Math.floor(wanted[0] / pageSize), first.items);
      total.value = count;
      cursor.value = Math.min(cursor.value, Math.max(0, count - 1));
      version.value += 1;
      void fetchWanted();
      void loadSides();
    } catch (error) {
      if (round === generation) failed.value = error;
    }
  }

  async function loadSides() {
    const round = generation;
    const [nextFacets, nextTags, nextGroups, nextUndoable] = await Promise.all([
      workbench.images.facets({ filter: filter.value }),
      workbench.tags.list(),
      workbench.groups.list(),
      workbench.images.undoable(),
    ]);
    if (round !== generation) return;
    facets.value = nextFacets;
    tags.value = nextTags;
    groups.value = nextGroups;
    undoable.value = nextUndoable;
  }

  const pageStart = (index: number) => Math.floor(index / pageSize) * pageSize;

  /** Tells which cards are on the screen; only the latest wish is served. */
  function want(from: number, to: number) {
    wanted = [from, to];
    void fetchWanted();
  }

  async function fetchWanted() {
    if (fetching) return;
    fetching = true;
    try {
      for (;;) {
        const [page] = pages.missing(wanted[0], Math.min(wanted[1], Math.max(0, (total.value ?? 1) - 1)));
        if (page === undefined || total.value === null || total.value === 0) break;
        const round = generation;
        const { items } = await workbench.images.page({
          query: query.value,
          start: { offset: page * pageSize },
          limit: pageSize,
        });
        if (round === generation) {
          pages.put(page, items);
          version.value += 1;
        }
      }
    } catch {
      // The connection broke; the stream of events asks for a reload when it is back.
    } finally {
      fetching = false;
    }
  }

  function cardAt(index: number): ImageCard | undefined {
    return pages.at(index);
  }

  function allIds(): Promise<number[]> {
    order ??= workbench.images.ids({ query: query.value });
    return order;
  }

  async function select(index: number, mode: SelectionMode) {
    const card = pages.at(index);
    cursor.value = index;
    if (mode === 'range') {
      const ids = await allIds();
      const [from, to] = [Math.min(anchor, index), Math.max(anchor, index)];
      selected.value = nextSelection(new Set(), ids[index]!, 'range', ids.slice(from, to + 1));
      return;
    }
    anchor = index;
    const id = card?.id ?? (await allIds())[index];
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
    wanted = [0, 0];
    cursor.value = 0;
    void reload();
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
