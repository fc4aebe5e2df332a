import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { escapeHtml, htmlFacts, htmlPage, htmlTable } from '../../workbench/exports/html.ts';
import { countSubject, leadingTokens, rankCurves } from './notebook-figures.ts';
import type { RankCurve, SubjectCount } from './notebook-figures.ts';
import { notebookWords } from './notebook-words.ts';
import type { NotebookWords } from './notebook-words.ts';

export interface NotebookResult {
  /** One a photograph, raw lens; in the order of `corrected`. */
  readonly raw: readonly LensTrace[];
  /** The same photographs through the logit lens, with controls. */
  readonly corrected: readonly LensTrace[];
  readonly fileNames: readonly string[];
  /** Photographs that could not be traced, each with its reason. */
  readonly failures: readonly { readonly fileName: string; readonly reason: string }[];
}

const numRanks = 5;
const colours = ['#0b6e69', '#a65a00', '#2456b3', '#a8326b', '#5b6b12'];

/** The experiment as one self-contained HTML page. */
export function notebookPage(
  { raw, corrected, fileNames, failures }: NotebookResult,
  language: 'en' | 'ru',
): string {
  const words = notebookWords[language];
  const [first] = corrected;
  const { model, prompt, software } = first!;
  const curves = rankCurves(raw, Math.min(numRanks, raw[0]!.topK));
  const before = curves[0]!.numOfLabel.slice(0, -1);
  const same = before.reduce((sum, count) => sum + count, 0);
  const facts: readonly (readonly [string, string])[] = [
    [words.photographs, `${corrected.length}: ${fileNames.join(', ')}`],
    ...failures.map(({ fileName, reason }) => [words.notTraced, `${fileName}: ${reason}`] as const),
    [
      words.model,
      `${model.id} (${model.family}), SHA-256 ${model.sha256}, ${model.weightDtype}, ${model.provider}`,
    ],
    [words.prompt, prompt.text],
    [words.software, `${software.name} ${software.version}, ONNX Runtime ${software.onnxruntime}`],
  ];
  const leading = leadingTokens(corrected);
  const body = `<p class="notice">${escapeHtml(words.notice)}</p>
${describeSubject(countSubject(corrected), corrected.length, words, language)}
${htmlFacts(facts)}
<h2>${escapeHtml(words.raw)}</h2><p>${escapeHtml(words.rawNote)}</p>
${drawCurves(curves, raw[0]!.layers, words)}
${htmlTable(
  [words.rank, words.label, words.ofImages],
  curves.map(({ rank, label, numLabelled }) => [String(rank), show(label), `${numLabelled} / ${raw.length}`]),
)}
<p>${escapeHtml(fill(words.difference, { same, cells: before.length * raw.length }))}</p>
<h2>${escapeHtml(words.corrected)}</h2><p>${escapeHtml(words.correctedNote)}</p>
${htmlTable(
  [words.layer, words.token, words.leads, words.probability],
  leading.map(({ layer, text, count, meanProbability }) => [
    String(layer),
    show(text),
    `${count} / ${corrected.length}`,
    meanProbability.toPrecision(3),
  ]),
)}`;
  return htmlPage(language, words.title, body, style);
}

function describeSubject(
  subject: SubjectCount | null,
  n: number,
  words: NotebookWords,
  language: 'en' | 'ru',
): string {
  if (subject === null) return `<p>${escapeHtml(words.subjectUnknown)}</p>`;
  const { label, numReadable, numNotReadable, numOpen, layers, numControls } = subject;
  const sentence = fill(words.subject, {
    label: label[language],
    readable: numReadable,
    n,
    layers: layers.length === 0 ? '' : fill(words.subjectLayers, { layers: countLayers(layers) }),
    not: numNotReadable,
    open: numOpen === 0 ? '' : fill(words.subjectOpen, { open: numOpen }),
  });
  const controls = numControls === null ? '' : fill(words.subjectControls, { controls: numControls });
  return `<p><strong>${escapeHtml(sentence)}</strong> ${escapeHtml(controls)}</p>`;
}

/** Each layer with the number of photographs, such as "8 (6), 9 (4)". */
function countLayers(layers: readonly number[]): string {
  return [...Map.groupBy(layers, (layer) => layer)]
    .map(([layer, photographs]) => `${layer} (${photographs.length})`)
    .join(', ');
}

/** Lines over layers, probability 0…1. */
function drawCurves(curves: readonly RankCurve[], layers: readonly number[], words: NotebookWords): string {
  const [width, height, left, bottom] = [760, 260, 48, 36];
  const x = (index: number) => left + (index / Math.max(1, layers.length - 1)) * (width - left - 12);
  const y = (value: number) => 10 + (1 - value) * (height - bottom - 10);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (value) =>
      `<line class="grid" x1="${left}" x2="${width - 12}" y1="${y(value)}" y2="${y(value)}"/><text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`,
  );
  const names = layers.map(
    (layer, index) =>
      `<text x="${x(index).toFixed(1)}" y="${height - 16}" text-anchor="middle">${layer}</text>`,
  );
  const lines = curves.map(({ probabilities, rank, label }, index) => {
    const points = probabilities.map((value, layer) => `${x(layer).toFixed(1)},${y(value).toFixed(1)}`);
    return `<polyline points="${points.join(' ')}" stroke="${colours[index] ?? '#444'}"><title>${rank}: ${escapeHtml(show(label))}</title></polyline>`;
  });
  const keys = curves.map(
    ({ rank, label }, index) =>
      `<span><i style="background:${colours[index] ?? '#444'}"></i>${rank}: ${escapeHtml(show(label))}</span>`,
  );
  return `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(words.raw)}">${ticks.join('')}${names.join('')}${lines.join('')}<text x="${(width + left) / 2}" y="${height - 2}" text-anchor="middle">${escapeHtml(words.layer)}</text></svg><figcaption>${escapeHtml(words.axis)} ${keys.join(' ')}</figcaption></figure>`;
}

/** A token so that blanks in it are seen. */
function show(text: string): string {
  return text.replaceAll(' ', '·').replaceAll('\n', '↵');
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

const style = `figure{margin:0}svg text{font-size:11px;fill:#536670}
svg polyline{fill:none;stroke-width:2}svg .grid{stroke:#d5d9de}figcaption span{margin-left:1rem}
figcaption i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;vertical-align:-1px}`;
