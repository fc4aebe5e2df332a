import { warningText } from '../../../electron/engine/lens-trace/warning-words.ts';
import { listVerdict, readVerdict } from '../../../electron/engine/lens-trace/read-verdict.ts';
import type { ComparedLoaded, LoadedTrace } from '../../reading/loaded-trace.ts';
import { plainAdjustment } from '../../viewer/image-adjustment.ts';
import type { Comparison } from '../../../electron/contract/traces/compare.ts';
import type { ConceptTrace, LensTrace, TraceModel } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { nameLens } from '../../../electron/engine/lens-trace/name-lens.ts';
import { emergenceAt } from '../../../electron/engine/lens-trace/reading.ts';
import { mediaUrl } from '../../../electron/contract/images/media.ts';
import type { ChartTheme } from '../../charts/chart-theme.ts';
import type { ScaleName } from '../../../electron/engine/lens-trace/overlay/color-scales.ts';
import { compareCurves } from '../../charts/figures/compare-curves.ts';
import { conceptCurves } from '../../charts/figures/concept-curves.ts';
import { differenceStrip } from '../../charts/figures/difference-strip.ts';
import { divergenceCurves } from '../../charts/figures/divergence-curves.ts';
import type { Figure, FigureText } from '../../charts/figure.ts';
import { heatStrip } from '../../charts/figures/heat-strip.ts';
import { leadingConcepts } from '../../../electron/engine/lens-trace/overlay/leading-concepts.ts';
import { imageLayout, showToken, topCells } from '../../reading/reading.ts';
import type { CurveScale } from '../../reading/reading.ts';
import { uncertaintyCurves } from '../../charts/figures/uncertainty-curves.ts';
import { deviceText } from '../providers/device-text.ts';
import { visitText } from '../visits/visit-text.ts';
import type { Format } from '../../locales/format.ts';
import type { Language } from '../../locales/i18n.ts';
import { buildOverlay } from '../../../electron/engine/lens-trace/overlay/overlay-series.ts';
import { figurePng } from '../../charts/figure-export.ts';
import { overlayCanvas } from './overlay-picture.ts';
import type { ReportContent, ReportFigure } from './pdf-document.ts';
import { provenanceOf } from './provenance.ts';

export interface ReportWords {
  readonly t: (key: string, values?: Record<string, unknown>) => string;
  readonly text: FigureText;
  readonly format: Format;
  readonly language: Language;
  readonly theme: ChartTheme;
  readonly curveScale: CurveScale;
  readonly logarithmic: boolean;
  readonly scale: ScaleName;
  readonly opacity: number;
}

export interface TraceReportView {
  readonly layerIndex: number;
  readonly positionIndex: number;
  readonly conceptIds: readonly string[];
}

/** Patient code, eye and visit; never a name. */
function subjectOf({ image, detail }: LoadedTrace, { t, format }: ReportWords): string {
  if (image === null) return t('trace.promptAlone');
  const parts = [image.patient?.code ?? t('images.noPatient'), t(`eyes.long.${image.image.laterality}`)];
  const visit = visitText(image.visit, format);
  if (visit !== '') parts.push(visit);
  parts.push(`#${detail.summary.id}`);
  return parts.join(' · ');
}

/** In sentences; that there is none for a trace from before there was one. */
function verdictOf({ trace }: LoadedTrace, { t, language }: ReportWords): string[] {
  const verdict = readVerdict(trace, language);
  return verdict === null ? [t('trace.verdict.none')] : listVerdict(verdict);
}

/** Why a better provider was not used; nothing when the first choice was. */
function fallbackFact(
  { providerFallback, provider }: TraceModel,
  { language }: Pick<ReportWords, 'language'>,
): [string, string][] {
  if (providerFallback === null) return [];
  const params = { provider, reason: providerFallback };
  return [['', warningText({ code: 'provider-fallback', params }, language)]];
}

async function photographs(
  loaded: LoadedTrace,
  view: TraceReportView,
  words: ReportWords,
): Promise<ReportFigure[]> {
  const { image, trace } = loaded;
  if (image === null) return [];
  const url = mediaUrl(image.image, 'view');
  const plain = await overlayCanvas(url, null, plainAdjustment(), '');
  const result = [{ title: subjectOf(loaded, words), picture: plain.toDataURL('image/jpeg', 0.9) }];
  const layout = imageLayout(trace);
  const conceptIndex = trace.concepts.findIndex(({ id }) => id === view.conceptIds[0]);
  if (layout === null || conceptIndex < 0) return result;
  const series = buildOverlay(trace, layout, { mode: 'concept', conceptIndex, logarithmic: false });
  const frame = {
    series,
    layerIndex: view.layerIndex,
    scale: words.scale,
    opacity: words.opacity,
    showSinks: true,
    selectedCell: null,
    reveal: 1,
  };
  const marked = await overlayCanvas(url, frame, plainAdjustment(), '');
  const [low, high] = series.domain;
  const title = `${words.t('overlay.title')}: ${trace.concepts[conceptIndex]!.label[words.language]}, ${words.text.layer} ${trace.layers[view.layerIndex]!}, ${words.format.probability(low)} – ${words.format.probability(high)}`;
  return [...result, { title, picture: marked.toDataURL('image/jpeg', 0.9) }];
}

async function draw(
  title: string,
  figure: Figure,
  height: number,
  { theme, text }: ReportWords,
): Promise<ReportFigure> {
  const blob = await figurePng({
    figure,
    theme,
    title: '',
    axisName: text.layer,
    provenance: '',
    width: 820,
    height,
  });
  return { title, picture: await dataUrl(blob) };
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new Error('The picture could not be read.'));
    reader.readAsDataURL(blob);
  });
}

function emergenceText(
  trace: LensTrace,
  concept: ConceptTrace,
  positionIndex: number,
  t: ReportWords['t'],
): string {
  const emergence = emergenceAt(trace, concept, positionIndex);
  return typeof emergence === 'number' ? String(emergence) : t(`trace.emergence.${emergence}`);
}

export async function traceReport(
  loaded: LoadedTrace,
  view: TraceReportView,
  words: ReportWords,
): Promise<ReportContent> {
  const { t, text, theme, language, format } = words;
  const { trace } = loaded;
  const { positionIndex, conceptIds } = view;
  const top = topCells(trace, view.layerIndex, positionIndex).slice(0, 5);
  const position = t('report.positionOf', { position: trace.positions[positionIndex] ?? 0 });
  return {
    title: t('report.traceTitle'),
    subtitle: subjectOf(loaded, words),
    verdict: verdictOf(loaded, words),
    sentence: t('help.research'),
    photographs: await photographs(loaded, view, words),
    facts: [
      [t('newTrace.prompt'), trace.prompt.text],
      [t('trace.answer'), trace.generated.text === '' ? t('trace.noAnswer') : trace.generated.text],
      [t('trace.fields.model'), `${loaded.detail.summary.modelName} (${trace.model.family})`],
      [t('trace.fields.provider'), deviceText(trace.model, t, format)],
      ...fallbackFact(trace.model, words),
      [
        t('trace.fields.lens'),
        trace.fittedLens === undefined ? t(`lenses.${trace.lens}`) : nameLens(trace, language),
      ],
      [t('trace.position'), position],
      [
        t('report.topAt', { layer: trace.layers[view.layerIndex] ?? 0 }),
        top.map((cell) => `${showToken(cell.text)} ${format.probability(cell.probability)}`).join('; '),
      ],
      [t('report.date'), format.dateTime(loaded.detail.summary.createdAt)],
    ],
    tables: [
      {
        title: t('compare.emergence'),
        head: [t('terms.concept'), t('terms.emergence'), t('report.finalProbability'), t('report.finalRank')],
        rows: trace.concepts.map((concept) => {
          const last = (trace.layers.length - 1) * trace.positions.length + positionIndex;
          return [
            concept.label[language],
            emergenceText(trace, concept, positionIndex, t),
            format.probability(Math.exp(concept.logProb[last]!)),
            format.integer(concept.rank[last]!),
          ];
        }),
      },
    ],
    figures: await Promise.all([
      draw(
        t('figures.heatStrip'),
        heatStrip(trace, theme, text, { positionIndex, ranks: 5, scale: words.scale, width: 820 }),
        280,
        words,
      ),
      draw(
        t('figures.conceptCurves'),
        conceptCurves(trace, theme, text, {
          positionIndex,
          conceptIds,
          language,
          scale: words.curveScale,
          logarithmic: words.logarithmic,
        }),
        270,
        words,
      ),
      draw(t('figures.uncertainty'), uncertaintyCurves(trace, theme, text, { positionIndex }), 220, words),
    ]),
    provenanceTitle: t('report.provenance'),
    provenance: [
      provenanceOf(trace),
      `sha256 ${trace.model.sha256}`,
      trace.lens === 'raw' ? warningText({ code: 'raw-lens' }, language) : t('overlay.caution'),
    ],
    pageOf: (page, pages) => `${page} / ${pages}`,
  };
}

export async function compareReport(
  entries: readonly ComparedLoaded[],
  comparison: Comparison,
  conceptId: string,
  words: ReportWords,
): Promise<ReportContent> {
  const { t, text, theme, language } = words;
  const shown = await Promise.all(
    entries.map(async ({ loaded, letter, layerIndex, positionIndex }) => {
      const all = await photographs(loaded, { layerIndex, positionIndex, conceptIds: [conceptId] }, words);
      const last = all.at(-1);
      return last === undefined
        ? []
        : [{ ...last, title: `${letter}: ${subjectOf(loaded, words)}. ${all.length > 1 ? last.title : ''}` }];
    }),
  );
  const traces = entries.map(({ loaded, letter, name, positionIndex }) => ({
    trace: loaded.trace,
    name: `${letter} · ${name}`,
    positionIndex,
  }));
  const letterOf = (id: number) => entries.find(({ loaded }) => loaded.id === id)?.letter ?? '';
  const first = entries[0]!;
  const ids = leadingConcepts(first.loaded.trace, first.positionIndex, 12);
  const figures = [
    draw(
      t('compare.curves'),
      compareCurves(traces, conceptId, theme, text, {
        scale: words.curveScale,
        logarithmic: words.logarithmic,
      }),
      270,
      words,
    ),
    ...comparison.pairs.map((pair) =>
      draw(
        `${t('compare.difference')}: ${letterOf(pair.a)} – ${letterOf(pair.b)}`,
        differenceStrip(pair, ids, theme, text, language),
        320,
        words,
      ),
    ),
  ];
  const pairs = comparison.pairs.map((pair) => ({ pair, name: `${letterOf(pair.a)} – ${letterOf(pair.b)}` }));
  if (pairs.some(({ pair }) => pair.comparable)) {
    figures.push(
      draw(
        t('compare.divergence'),
        divergenceCurves(pairs, theme, text, t('compare.jensenShannon')),
        230,
        words,
      ),
    );
  }
  return {
    title: t('report.compareTitle'),
    subtitle: entries.map(({ letter, name }) => `${letter}: ${name}`).join('   '),
    verdict: entries.map(({ letter, loaded }) => `${letter}: ${verdictOf(loaded, words).join(' ')}`),
    sentence: t('help.research'),
    photographs: shown.flat(),
    facts: entries.map(({ letter, loaded }) => [
      `${letter} · ${subjectOf(loaded, words)}`,
      `${loaded.trace.prompt.text}\n${t('trace.answer')}: ${loaded.trace.generated.text || t('trace.noAnswer')}`,
    ]),
    tables: [
      {
        title: t('compare.emergence'),
        head: [t('terms.concept'), ...entries.map(({ letter }) => letter)],
        rows: first.loaded.trace.concepts.map((concept) => [
          concept.label[language],
          ...entries.map(({ loaded, positionIndex }) => {
            const other = loaded.trace.concepts.find(({ id }) => id === concept.id);
            return other === undefined
              ? t('trace.emergence.not-asked')
              : emergenceText(loaded.trace, other, positionIndex, t);
          }),
        ]),
      },
    ],
    figures: await Promise.all(figures),
    provenanceTitle: t('report.provenance'),
    provenance: entries.map(({ letter, loaded }) => `${letter}: ${provenanceOf(loaded.trace)}`),
    pageOf: (page, pages) => `${page} / ${pages}`,
  };
}
