import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import packageJson from '#package.json' with { type: 'json' };
import type { ExportResult, studyExportSchema } from '../../../contract/exports.ts';
import { lensTraceToJson } from '../../../engine/lens-trace/to-json.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import type { LibraryImage } from '../../../contract/images/library-image.ts';
import { defaultLimits } from '../../../ingest/import-failure.ts';
import { openPixels } from '../../../ingest/views/views.ts';
import { sha256Hex } from '../../../store/database/canonical-json.ts';
import type { Library } from '../../../store/library/library.ts';
import { Deidentifier } from './deidentify.ts';
import { deidentificationReport } from './deidentification-report.ts';
import { deidentifyTrace } from './deidentify-trace.ts';
import { deliver } from '../deliver.ts';
import { studyReadme } from './study-readme.ts';
import type { StudyItem } from './study-readme.ts';
import { toZip } from '../zip.ts';
import type { ZipEntry } from '../zip.ts';

type StudyOptions = z.output<typeof studyExportSchema>;

/**
 * A zip with everything that repeats the traces: the traces themselves, photographs, concept sets, what is known of the
 * models (by hash, their weights stay where they are), and instructions.
 */
export function exportStudy(library: Library, options: StudyOptions): Promise<ExportResult> {
  return deliver(options.target, 'study.zip', 'application/zip', toZip(studyEntries(library, options)));
}

/** @param beside further files of the study, whose sums are listed with the others */
export async function* studyEntries(
  library: Library,
  options: Omit<StudyOptions, 'target'>,
  beside: Iterable<ZipEntry & { readonly content: string | Uint8Array }> = [],
): AsyncGenerator<ZipEntry> {
  const sums: string[] = [];
  const note = (entry: ZipEntry & { readonly content: string | Uint8Array }): ZipEntry => {
    sums.push(`${sha256Hex(entry.content)}  ${entry.name}\n`);
    return entry;
  };
  for (const entry of beside) yield note(entry);
  const replaced = options.deidentify === null ? null : new Deidentifier(options.deidentify);
  const items: StudyItem[] = [];
  const images = new Map<number, string>();
  const rows = new Set<number>();
  const modelIds = new Set<number>();
  const hashes = new Map<number | null, string>();
  const keep = options.deidentify?.keep ?? [];
  for (const [index, traceId] of options.traceIds.entries()) {
    const stored = library.traces.get(traceId);
    const { imageId, modelId, conceptSetId } = library.traces.summary(traceId);
    const image = imageId === null ? null : library.images.get(imageId);
    if (image !== null && options.includeImages && !images.has(image.id)) {
      const packed = await packImage(library, image, replaced !== null, images.size + 1);
      images.set(image.id, packed.name);
      hashes.set(image.id, sha256Hex(packed.content));
      yield note(packed);
    }
    if (conceptSetId !== null) rows.add(conceptSetId);
    modelIds.add(modelId);
    if (!hashes.has(imageId)) hashes.set(imageId, randomBytes(32).toString('hex'));
    const trace =
      replaced === null
        ? stored
        : deidentifyTrace(stored, {
            imageSha256: hashes.get(imageId)!,
            keepPrompt: keep.includes('prompts'),
          });
    // The library's own numbers would lead back to it.
    const number = replaced === null ? String(traceId) : String(index + 1).padStart(5, '0');
    const traceFile = `traces/trace-${number}.json`;
    yield note({ name: traceFile, content: JSON.stringify(lensTraceToJson(trace)) });
    items.push({
      traceFile,
      imageFile: image === null ? null : (images.get(image.id) ?? null),
      conceptSetFile: conceptSetId === null ? null : conceptSetName(library, conceptSetId),
      ...describeTrace(trace),
      ...describeSubject(library, image, replaced, replaced === null || keep.includes('findings')),
    });
  }
  for (const row of rows) {
    const { set } = library.conceptSets.get(row);
    yield note({ name: conceptSetName(library, row), content: `${JSON.stringify(set, null, 2)}\n` });
  }
  const models = [...modelIds].map((id) => {
    const { name, sha256, family, report } = library.models.get(id);
    return { name, sha256, family, files: report?.files ?? null };
  });
  const study = {
    schema: 'fundus-lens.study/1',
    title: options.title,
    createdAt: new Date().toISOString().slice(0, replaced === null ? 10 : 4),
    software: { name: 'fundus-lens', version: packageJson.version },
    deidentified: replaced !== null,
    models,
    items,
  };
  yield note({ name: 'study.json', content: `${JSON.stringify(study, null, 2)}\n` });
  yield note({ name: 'README.md', content: studyReadme(study) });
  if (options.deidentify !== null) {
    const content = deidentificationReport(options.deidentify, options.includeImages);
    yield note({ name: 'DEIDENTIFICATION.md', content });
  }
  yield { name: 'SHA256SUMS', content: sums.join('') };
}

/** The original, or without metadata: its pixels alone, upright, losslessly, in sRGB as the engine sees them. */
async function packImage(
  library: Library,
  image: LibraryImage,
  strip: boolean,
  number: number,
): Promise<ZipEntry & { readonly name: string; readonly content: Uint8Array }> {
  const name = `images/image-${String(number).padStart(5, '0')}`;
  const readable = library.images.readableFile(image);
  const bytes = await readFile(readable);
  if (!strip) return { name: `${name}${path.extname(readable).toLowerCase()}`, content: bytes };
  const pixels = openPixels({ kind: 'encoded', bytes }, defaultLimits.pixels);
  return { name: `${name}.png`, content: await pixels.toColourspace('srgb').png().toBuffer() };
}

function conceptSetName(library: Library, row: number): string {
  const { set, sha256 } = library.conceptSets.get(row);
  return `concept-sets/${set.id}-${sha256.slice(0, 8)}.json`;
}

function describeTrace({ model, prompt, lens, fittedLens, positions, topK, generated, image }: LensTrace) {
  return {
    modelSha256: model.sha256,
    imageSha256: image?.sha256 ?? null,
    prompt: prompt.text,
    lens,
    lensSha256: fittedLens?.sha256 ?? null,
    positions: positions.filter((position) => position < prompt.tokenIds.length),
    maxPixels: image?.maxPixels ?? null,
    topK,
    generate: generated.ids.length,
    provider: model.provider,
  };
}

function describeSubject(
  library: Library,
  image: LibraryImage | null,
  replaced: Deidentifier | null,
  withFindings: boolean,
) {
  if (image === null) return { patient: null, eye: null, date: null, findings: [] };
  const { patientId, visitId, laterality, capturedAt } = image;
  const code = patientId === null ? null : library.patients.get(patientId).code;
  const date = visitId === null ? capturedAt : (library.visits.get(visitId).date ?? capturedAt);
  return {
    patient: replaced === null ? code : replaced.code(patientId),
    eye: laterality,
    date: replaced === null ? date : replaced.date(patientId, date),
    findings: withFindings ? library.findings.ofImage(image.id).map(({ label }) => label) : [],
  };
}
