import { createPinia } from 'pinia';
import { beforeEach, expect, test, vi } from 'vitest';
import { createSSRApp, h } from 'vue';
import { createI18n } from 'vue-i18n';
import { createMemoryHistory, createRouter } from 'vue-router';
import type { Router } from 'vue-router';
import { renderToString } from 'vue/server-renderer';
import words from '../words.en.json' with { type: 'json' };

/** A library that comes by its model and its photographs later, as a new one does. */
const state = vi.hoisted(() => ({ looks: 0, looksUntilFilled: 3, hasModel: true, enqueued: 0 }));
const isFilling = () => state.looks < state.looksUntilFilled;

vi.mock('../../../api/connection.ts', () => ({
  desktop: null,
  workbench: {
    library: {
      status: () => {
        state.looks += 1;
        return Promise.resolve({ isFilling: isFilling() });
      },
    },
    models: {
      list: () => Promise.resolve(isFilling() || !state.hasModel ? [] : [{ id: 7, available: true }]),
    },
    patients: { list: () => Promise.resolve({ items: [{ id: 1 }] }) },
    images: { ids: () => Promise.resolve([5]) },
    prompts: { list: () => Promise.resolve([]) },
    traces: {
      enqueue: ({ modelId }: { modelId: number }) => {
        state.enqueued = modelId;
        return Promise.resolve({ added: [], requeued: [], existing: [], traceIds: [11] });
      },
    },
  },
}));

vi.stubGlobal('document', { documentElement: { lang: '', dataset: {} } });
vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined });

interface Sample {
  readonly label: { readonly value: string };
  readonly run: () => Promise<void>;
}

async function startWindow(): Promise<{ readonly sample: Sample; readonly router: Router }> {
  const { useSampleTrace } = await import('./use-sample-trace.ts');
  let sample!: Sample;
  const app = createSSRApp({
    setup() {
      sample = useSampleTrace();
      return () => h('p');
    },
  });
  const page = { render: () => null };
  const router = createRouter({
    history: createMemoryHistory(),
    routes: ['/', '/models', '/trace/:id'].map((path) => ({ path, component: page })),
  });
  const i18n = createI18n({ legacy: false, locale: 'en', missingWarn: false, messages: { en: words } });
  await renderToString(app.use(createPinia()).use(i18n).use(router));
  return { sample, router };
}

beforeEach(() => Object.assign(state, { looks: 0, hasModel: true, enqueued: 0 }));

test('a click before the bundled model is there waits for it, says so, and traces', async () => {
  const { sample, router } = await startWindow();
  expect(sample.label.value).toBe(words.sample.trace);
  const running = sample.run();
  expect(sample.label.value).toBe(words.sample.waiting);
  await running;
  expect(state.enqueued).toBe(7);
  expect(router.currentRoute.value.path).toBe('/trace/11');
  expect(sample.label.value).toBe(words.sample.trace);
});

test('where no model comes, the way leads to Models', async () => {
  state.hasModel = false;
  const { sample, router } = await startWindow();
  await sample.run();
  await vi.waitFor(() => expect(router.currentRoute.value.path).toBe('/models'));
  expect(state.enqueued).toBe(0);
});
