import { computed, ref, shallowRef, watch } from 'vue';
import type { Laterality } from '../../../../electron/contract/laterality.ts';
import type { LensKind } from '../../../../electron/engine/lens-trace/lens-trace.ts';
import type {
  TraceOrderKey,
  TraceSummaryView,
  TraceVerdictState,
} from '../../../../electron/contract/traces/traces.ts';
import { workbench } from '../../../api/connection.ts';
import { useToasts } from '../../../ui/toasts-store.ts';

const pageSize = 60;
/** Pages in memory; those farthest from what is looked at go first. */
const keptPages = 12;

/** What the list of traces shows: a choice, an order, and the pages of it that are looked at. */
export function useTraceList() {
  const toasts = useToasts();
  const words = ref('');
  const eye = ref<Laterality | null>(null);
  const modelId = ref<number | null>(null);
  const lens = ref<LensKind | null>(null);
  const verdict = ref<TraceVerdictState | null>(null);
  const order = ref<TraceOrderKey>('newest');
  const total = ref<number | null>(null);
  const pages = shallowRef<ReadonlyMap<number, readonly TraceSummaryView[]>>(new Map());
  const choice = computed(() => ({
    ...(words.value.trim() === '' ? {} : { text: words.value.trim() }),
    ...(eye.value === null ? {} : { lateralities: [eye.value] }),
    ...(modelId.value === null ? {} : { modelId: modelId.value }),
    ...(lens.value === null ? {} : { lenses: [lens.value] }),
    ...(verdict.value === null ? {} : { verdicts: [verdict.value] }),
  }));
  const isFiltered = computed(() => Object.keys(choice.value).length > 0);
  let asked = 0;
  let wanted: readonly number[] = [0];
  const reading = new Set<number>();

  const readPage = (page: number) =>
    workbench.traces.list({ ...choice.value, order: order.value, limit: pageSize, skip: page * pageSize });

  /** Rows on the screen stay until their successors are here. */
  async function load(): Promise<void> {
    const question = ++asked;
    reading.clear();
    try {
      const [count, ...found] = await Promise.all([
        workbench.traces.count(choice.value),
        ...wanted.map(readPage),
      ]);
      if (question !== asked) return;
      total.value = count;
      pages.value = new Map(wanted.map((page, index) => [page, found[index]!]));
    } catch (error) {
      if (question === asked) toasts.fail(error);
    }
  }

  /** Tells which rows are on the screen. */
  function want(from: number, to: number): void {
    const [first, last] = [Math.floor(from / pageSize), Math.floor(Math.max(from, to) / pageSize)];
    wanted = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    for (const page of wanted) if (!pages.value.has(page) && !reading.has(page)) void add(page);
  }

  async function add(page: number): Promise<void> {
    const question = asked;
    reading.add(page);
    try {
      const rows = await readPage(page);
      if (question !== asked) return;
      const middle = wanted[0] ?? page;
      const near = [...pages.value.entries(), [page, rows] as const]
        .toSorted(([a], [b]) => Math.abs(a - middle) - Math.abs(b - middle))
        .slice(0, keptPages);
      pages.value = new Map(near);
    } catch (error) {
      if (question === asked) toasts.fail(error);
    } finally {
      reading.delete(page);
    }
  }

  const rowAt = (index: number): TraceSummaryView | undefined =>
    pages.value.get(Math.floor(index / pageSize))?.[index % pageSize];

  function showAll(): void {
    words.value = '';
    eye.value = null;
    modelId.value = null;
    lens.value = null;
    verdict.value = null;
  }

  let typing: ReturnType<typeof setTimeout> | undefined;
  watch([choice, order], () => {
    clearTimeout(typing);
    wanted = [0];
    typing = setTimeout(() => void load(), 120);
  });

  return { words, eye, modelId, lens, verdict, order, total, isFiltered, load, want, rowAt, showAll };
}
