import type { DecoderSummary } from '../../contract/protocols/decoders.ts';
import type { DecoderReport } from '../../contract/protocols/decoder-report.ts';
import { decodeDecoder, type DecoderFile } from '../../decoder/file/decoder-file.ts';
import type { StoredDecoder } from '../../store/decoders/decoders.ts';
import type { Library } from '../../store/library/library.ts';
import { onDecoders, problemOfRefusal } from './decoder-problem.ts';

/** Parsed files by their hash; as many as a person looks at in turn. */
const opened = new Map<string, DecoderFile>();
const maxOpened = 8;

/** @throws FundusLensError `input.invalid` for an unknown decoder, `decoder.*` or `library.damaged` for a bad file */
export async function openDecoder(
  library: Library,
  id: number,
): Promise<DecoderFile & { readonly stored: StoredDecoder }> {
  const stored = library.decoders.get(id);
  const known = opened.get(stored.sha256);
  const file = known ?? (await onDecoders(() => decodeDecoder(library.decoders.read(id), stored.name)));
  opened.delete(stored.sha256);
  opened.set(stored.sha256, file);
  for (const key of [...opened.keys()].slice(0, Math.max(0, opened.size - maxOpened))) opened.delete(key);
  return { ...file, stored };
}

export async function viewDecoder(library: Library, id: number): Promise<DecoderSummary> {
  const { decoder, card, stored } = await openDecoder(library, id);
  const { origin } = decoder;
  const reports = new Map(card.report.fields.map((report) => [report.field, report]));
  return {
    id,
    name: stored.name,
    source: stored.source,
    modelSha256: origin.modelHash,
    modelName: origin.modelName,
    modelId: library.models.findBySha256(origin.modelHash)?.id ?? null,
    prompt: origin.prompt,
    maxPixels: origin.imageLimits.maxPixels === 0 ? null : origin.imageLimits.maxPixels,
    layers: [...new Set(decoder.byLayer.map(({ layer }) => layer))].sort((a, b) => a - b),
    images: card.report.images,
    patients: card.report.patients,
    fields: decoder.heads.flatMap(({ field, kind, counts }) => {
      const report = reports.get(field);
      if (report?.status !== 'fitted') return [];
      const { set, layer, score, shuffled } = report.chosen;
      return [{ field, kind, set, layer, measure: report.measure, score, shuffled, counts: [...counts] }];
    }),
    refused: decoder.refused.map(({ field, error }) => ({ field, problem: problemOfRefusal(error) })),
    note: card.note,
    softwareVersion: origin.softwareVersion,
    createdAt: card.createdAt,
  };
}

export async function viewReport(library: Library, id: number): Promise<DecoderReport> {
  return (await openDecoder(library, id)).card.report;
}
