import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../../e2e/chromium.ts';
import type { ChartTheme } from './chart-theme.ts';
import { compareCurves } from './figures/compare-curves.ts';
import { conceptCurves } from './figures/concept-curves.ts';
import type { Figure, FigureText } from './figure.ts';
import { heatStrip } from './figures/heat-strip.ts';
import { sampleTrace } from './figures/sample-trace.test-data.ts';
import { tokenCurves } from './figures/token-curves.ts';
import { uncertaintyCurves } from './figures/uncertainty-curves.ts';
import { figureSvg } from './figure-export.ts';

/** What breaks an attribute or a text of XML when it is written as it is. */
const nasty = `"quotes" 'single' <b>&amp; & \u0003\u0000 \uD800 ]]> -->`;

const theme: ChartTheme = {
  background: '#fff',
  surface: '#eee',
  text: '#000',
  textSoft: '#333',
  axis: '#444',
  grid: '#ddd',
  shade: '#eee',
  line: '#777',
  accent: '#066',
  // As the built style sheet writes it.
  font: '"Inter Variable", system-ui, sans-serif',
  series: Array.from({ length: 8 }, (_, index) => `#00000${index}`),
};
const text: FigureText = {
  layer: nasty,
  rank: nasty,
  token: nasty,
  probability: nasty,
  logProbability: nasty,
  entropy: nasty,
  divergence: nasty,
  nats: nasty,
  emergence: nasty,
  concept: nasty,
  difference: nasty,
  formatNumber: String,
  formatProbability: (value) => value.toFixed(3),
};

const sample = sampleTrace();
const tokenTexts = Object.fromEntries(Object.keys(sample.tokenTexts).map((id) => [id, `${nasty}${id}`]));
const trace: typeof sample = { ...sample, tokenTexts };
const curves = {
  positionIndex: 6,
  scale: 'probability',
  logarithmic: true,
  conceptIds: ['eye', 'cat'],
} as const;

const figures: Readonly<Record<string, () => Figure>> = {
  'heat strip': () =>
    heatStrip(trace, theme, text, { positionIndex: 6, ranks: 2, scale: 'viridis', width: 900 }),
  'concept curves': () => conceptCurves(trace, theme, text, { ...curves, language: 'en' }),
  'token curves': () => tokenCurves(trace, theme, text, { positionIndex: 6, limit: 3 }),
  'comparison curves': () =>
    compareCurves(
      [
        { trace, name: nasty, positionIndex: 6 },
        { trace, name: 'B', positionIndex: 6 },
      ],
      'eye',
      theme,
      text,
      { scale: 'rank', logarithmic: false },
    ),
  'uncertainty curves': () => uncertaintyCurves(trace, theme, text, { positionIndex: 6 }),
};

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await launchChromium();
  page = await browser.newPage();
});
afterAll(() => browser.close());

/** What another reader of XML makes of it. */
function read(svg: string): Promise<{ error: string | null; root: string; texts: string }> {
  return page.evaluate((source) => {
    const document = new DOMParser().parseFromString(source, 'image/svg+xml');
    return {
      error: document.querySelector('parsererror')?.textContent ?? null,
      root: document.documentElement.tagName,
      texts: document.documentElement.textContent,
    };
  }, svg);
}

describe('an exported SVG', () => {
  test.each(Object.keys(figures))(
    'is well-formed, whatever the texts and the font are called: %s',
    async (name) => {
      const svg = await figureSvg({
        figure: figures[name]!(),
        theme,
        title: nasty,
        axisName: nasty,
        provenance: `${nasty} ${'Prompt "Describe & <this>" '.repeat(20)}`,
        width: 900,
        height: 300,
      }).text();
      const { error, root, texts } = await read(svg);
      expect(error).toBeNull();
      expect(root).toBe('svg');
      expect(texts).toContain('"quotes" \'single\' <b>&amp; &');
    },
  );
});
