import type { z } from 'zod';
import { describeDevice } from '../../engine/lens-trace/describe-device.ts';
import { warningText } from '../../engine/lens-trace/warning-words.ts';
import type { ExportResult, reportExportSchema } from '../../contract/exports.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import type { Library } from '../../store/library.ts';
import { deliver } from './deliver.ts';
import { reportWords } from './report-words.ts';
import type { ReportWords } from './report-words.ts';
import { traceWithFidelity } from '../traces/trace-fidelity.ts';

type Language = z.output<typeof reportExportSchema>['language'];

/** A self-contained page with everything that a figure needs beside it: provenance, emergence, readable words, warnings. */
export function exportReport(
  library: Library,
  { traceIds, language, target }: z.output<typeof reportExportSchema>,
): Promise<ExportResult> {
  const words = reportWords[language];
  const sections = traceIds.map((id) => section(library, id, language, words));
  const html = `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><title>${words.title}</title><style>${style}</style></head>
<body><h1>${words.title}</h1><p class="notice">${words.notice}</p>
${sections.join('\n')}
</body></html>
`;
  return deliver(target, 'report.html', 'text/html', html);
}

function section(library: Library, id: number, language: Language, words: ReportWords): string {
  const trace = traceWithFidelity(library, id);
  const { imageId, createdAt } = library.traces.summary(id);
  const image = imageId === null ? null : library.images.get(imageId);
  const patientId = image?.patientId ?? null;
  const code = patientId === null ? null : library.patients.get(patientId).code;
  const { model, prompt, software, gate } = trace;
  const facts: readonly (readonly [string, string | null])[] = [
    [words.patient, code],
    [words.eye, image === null ? null : words.eyes[image.laterality]],
    [words.captured, image?.capturedAt ?? null],
    [words.image, trace.image === null ? words.none : `SHA-256 ${trace.image.sha256}`],
    [words.grid, trace.image === null ? null : trace.image.grid.join(' × ')],
    [words.model, `${model.id} (${model.family}), SHA-256 ${model.sha256}`],
    [words.computed, `${describeDevice(model)}, ${model.weightDtype}`],
    [words.fallback, model.providerFallback],
    [words.fidelity, describeFidelity(model, words)],
    [words.gate, `${gate.maxAbsDiff.toExponential(2)} ≤ ${gate.tolerance.toExponential(2)}`],
    [words.prompt, prompt.text],
    [words.lens, trace.lens],
    [words.answer, trace.generated.text === '' ? null : trace.generated.text],
    [words.software, `${software.name} ${software.version}, ONNX Runtime ${software.onnxruntime}`],
    [words.traced, createdAt],
  ];
  return `<section><h2>${words.trace} ${id}</h2>
<table>${facts.map(([name, value]) => (value === null ? '' : `<tr><th>${name}</th><td>${escapeHtml(value)}</td></tr>`)).join('')}</table>
${trace.warnings.map((warning) => `<p class="notice">${escapeHtml(warningText(warning, language))}</p>`).join('')}
<h3>${words.concepts}</h3>${conceptTable(trace, language, words)}
<h3>${words.layers}</h3><p>${words.caution}</p>${layerTable(trace, words)}</section>`;
}

/** null of weights as they were published. */
function describeFidelity({ fidelity }: LensTrace['model'], words: ReportWords): string | null {
  if (fidelity === undefined) return null;
  if (fidelity === null) return words.fidelityUnknown;
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  const { top1Agreement, top1AgreementClear, worstLayerTop1Agreement } = fidelity;
  return words.fidelityText
    .replace('{top1}', share(top1Agreement))
    .replace('{clear}', share(top1AgreementClear))
    .replace('{worst}', share(worstLayerTop1Agreement))
    .replace('{kl}', fidelity.meanKl.toExponential(1))
    .replace('{changed}', String(fidelity.emergenceChanged))
    .replace('{compared}', String(fidelity.emergenceCompared));
}

function conceptTable(trace: LensTrace, language: Language, words: ReportWords): string {
  const last = trace.layers.length * trace.positions.length - 1;
  const rows = trace.concepts.map(({ label, emergence, rank, logProb }) => {
    const layer = emergence.layers.at(-1) ?? null;
    return [
      label[language],
      layer === null ? words.never : String(layer),
      String(rank[last]),
      Math.exp(logProb[last]!).toPrecision(3),
    ];
  });
  return table([words.concept, words.emergence, words.rank, words.probability], rows);
}

function layerTable(trace: LensTrace, words: ReportWords): string {
  const { cells, topK, tokenTexts, positions } = trace;
  const rows = trace.layers.map((layer, row) => {
    const cell = (row + 1) * positions.length - 1;
    const tokens = Array.from({ length: Math.min(5, topK) }, (_, k) => {
      const id = cells.topIds[cell * topK + k]!;
      return `${tokenTexts[id] ?? ''} ${Math.exp(cells.topLogProbs[cell * topK + k]!).toPrecision(2)}`;
    });
    return [
      String(layer),
      tokens.join(' · '),
      cells.entropy[cell]!.toFixed(3),
      cells.klToFinal[cell]!.toFixed(3),
    ];
  });
  return table([words.layer, words.words, words.entropy, words.divergence], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (tag: 'th' | 'td', cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>${line('th', head)}${rows.map((row) => line('td', row)).join('')}</table>`;
}

function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': 'amp',
    '<': 'lt',
    '>': 'gt',
    '"': 'quot',
    "'": '#39',
  };
  return text.replace(/[&<>"']/g, (character) => `&${names[character] ?? ''};`);
}

const style = `body{font:14px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1d21}
table{border-collapse:collapse;margin:.5rem 0 1rem}th,td{border-bottom:1px solid #d5d9de;padding:.2rem .8rem .2rem 0;
text-align:left;vertical-align:top;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.notice{border-left:3px solid #b26a00;padding-left:.8rem}section{break-before:page}`;
