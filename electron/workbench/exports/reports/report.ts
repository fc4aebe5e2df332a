import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { describeDevice } from '../../../engine/lens-trace/describe-device.ts';
import { nameLens } from '../../../engine/lens-trace/name-lens.ts';
import { readVerdict } from '../../../engine/lens-trace/read-verdict.ts';
import { fallbackReason, warningText } from '../../../engine/lens-trace/warning-words.ts';
import { listVerdict } from '../../../engine/readability/verdict.ts';
import type { ExportResult, reportExportSchema } from '../../../contract/exports.ts';
import type { LibraryImage } from '../../../contract/images/library-image.ts';
import { defaultLimits } from '../../../ingest/import-failure.ts';
import { openPixels } from '../../../ingest/views/views.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import type { Library } from '../../../store/library/library.ts';
import { traceWithFidelity } from '../../traces/trace-fidelity.ts';
import { deliver } from '../deliver.ts';
import { reportPage } from './report-page.ts';
import { reportPdf } from './report-pdf.ts';
import type { ReportSection, ReportTable } from './report-section.ts';
import { reportWords } from './report-words.ts';
import type { ReportWords } from './report-words.ts';

type Language = z.output<typeof reportExportSchema>['language'];

/**
 * Everything that a figure needs beside it: the verdict, provenance, emergence, readable words, warnings; as a page or as a
 * PDF.
 *
 * @throws FundusLensError `trace.unknown`; `output.unwritable`
 */
export async function exportReport(
  library: Library,
  { traceIds, language, format, target }: z.output<typeof reportExportSchema>,
): Promise<ExportResult> {
  const words = reportWords[language];
  const sections: ReportSection[] = [];
  for (const id of traceIds) sections.push(await describeTrace(library, id, language, words));
  return format === 'pdf'
    ? deliver(target, 'report.pdf', 'application/pdf', await reportPdf(sections, words))
    : deliver(target, 'report.html', 'text/html', reportPage(sections, language, words));
}

async function describeTrace(
  library: Library,
  id: number,
  language: Language,
  words: ReportWords,
): Promise<ReportSection> {
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
    [
      words.fallback,
      model.providerFallback === null ? null : fallbackReason(model.providerFallback, language),
    ],
    [words.fidelity, describeFidelity(model, words)],
    [words.gate, `${gate.maxAbsDiff.toExponential(2)} ≤ ${gate.tolerance.toExponential(2)}`],
    [words.prompt, prompt.text],
    [words.lens, nameLens(trace, language)],
    [words.answer, trace.generated.text === '' ? null : trace.generated.text],
    [words.software, `${software.name} ${software.version}, ONNX Runtime ${software.onnxruntime}`],
    [words.traced, createdAt],
  ];
  const verdict = readVerdict(trace, language);
  return {
    title: `${words.trace} ${id}`,
    facts: facts.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
    verdict: verdict === null ? [] : listVerdict(verdict),
    warnings: trace.warnings.map((warning) => warningText(warning, language)),
    tables: [conceptTable(trace, language, words), layerTable(trace, words)],
    picture: image === null ? null : await openPicture(library, image),
  };
}

/** null when the file is gone or cannot be decoded any more; its hash stands in the facts all the same. */
async function openPicture(library: Library, image: LibraryImage): Promise<Buffer | null> {
  try {
    const bytes = await readFile(library.images.readableFile(image));
    return await openPixels({ kind: 'encoded', bytes }, defaultLimits.pixels)
      .toColourspace('srgb')
      .resize({ width: 900, height: 900, fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 88 })
      .toBuffer();
  } catch {
    return null;
  }
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

/** Concepts that are readable from some layer on, the earliest first; the others stand in the verdict. */
function conceptTable(trace: LensTrace, language: Language, words: ReportWords): ReportTable {
  const last = trace.layers.length * trace.positions.length - 1;
  const found = trace.concepts.flatMap(({ label, emergence, finding, rank, logProb }) => {
    const layer =
      finding === undefined
        ? (emergence.layers.at(-1) ?? null)
        : finding.state === 'readable'
          ? finding.layer
          : null;
    return layer === null ? [] : [{ layer, label, rank: rank[last]!, probability: Math.exp(logProb[last]!) }];
  });
  found.sort((a, b) => a.layer - b.layer);
  return {
    title: words.concepts,
    note: found.length === 0 ? words.noConcept : null,
    head: found.length === 0 ? [] : [words.concept, words.emergence, words.rank, words.probability],
    rows: found.map(({ layer, label, rank, probability }) => [
      label[language],
      String(layer),
      String(rank),
      probability.toPrecision(3),
    ]),
  };
}

function layerTable(trace: LensTrace, words: ReportWords): ReportTable {
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
  return {
    title: words.layers,
    note: words.caution,
    head: [words.layer, words.words, words.entropy, words.divergence],
    rows,
  };
}
