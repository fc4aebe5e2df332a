import { z } from 'zod';
import type { LensKind, LensTrace, ProviderName } from '../../engine/lens-trace/lens-trace.ts';
import type { TraceDetail, TraceHeader, TraceSummaryView } from '../../contract/traces/traces.ts';
import type { Library } from '../../store/library/library.ts';
import type { TraceFilter } from '../../store/traces/trace-list.ts';
import type { TraceSummary } from '../../store/traces/traces.ts';
import { traceWithFidelity } from './trace-fidelity.ts';

export function listTraces(library: Library, filter: TraceFilter): TraceSummaryView[] {
  const setIds = new Map<number, string>();
  return library.traces.list(filter).map((summary) => viewSummary(library, summary, setIds));
}

export function viewTrace(library: Library, id: number): TraceDetail {
  const concepts = library.traces.concepts(id).map(({ controlled, ...concept }) => ({
    ...concept,
    controlled: controlled === 1,
  }));
  return {
    summary: viewSummary(library, library.traces.summary(id)),
    header: headerOf(traceWithFidelity(library, id)),
    concepts,
  };
}

/** Everything of a trace but its arrays and the texts of its tokens. */
export function headerOf(trace: LensTrace): TraceHeader {
  const { schema, model, image, prompt, lens, topK, controls, generated, gate, timings, software } = trace;
  return {
    ...{
      schema,
      model,
      image,
      prompt,
      lens,
      topK,
      controls: [...controls],
      generated,
      gate,
      timings,
      software,
    },
    positions: [...trace.positions],
    layers: [...trace.layers],
    warnings: [...trace.warnings],
    concepts: trace.concepts.map(({ id, label, role, tokens, parent, finding, emergence }) => ({
      id,
      label,
      role,
      tokens: [...tokens],
      ...(parent === undefined ? {} : { parent }),
      ...(finding === undefined ? {} : { finding }),
      emergence,
    })),
  };
}

export function noteTrace(library: Library, id: number, note: string): TraceSummaryView {
  library.traces.summary(id);
  library.settings.set(noteKey(id), note);
  return viewSummary(library, library.traces.summary(id));
}

/** Puts traces into the trash. @returns their numbers there */
export function removeTraces(library: Library, ids: readonly number[]): number[] {
  return library.transaction(() =>
    ids.map((id) => {
      const trashId = library.trash.keepTrace(id);
      library.traces.remove(id);
      if (noteOf(library, id) !== '') library.settings.set(noteKey(id), '');
      return trashId;
    }),
  );
}

export function viewSummary(
  library: Library,
  summary: TraceSummary,
  setIds = new Map<number, string>(),
): TraceSummaryView {
  const { id, conceptSetId: row, lens, provider } = summary;
  const { fileName, laterality, patientCode, visitDate, visitLabel } = summary;
  const { verdict: state, subjectId, layer, readableCount } = summary;
  return {
    ...pick(summary),
    id,
    lens: lens as LensKind,
    provider: provider as ProviderName,
    conceptSetId: row === null ? null : setIdOf(library, row, setIds),
    note: noteOf(library, id),
    verdict: state === null ? null : { state, subjectId, layer, readableCount: readableCount ?? 0 },
    image:
      fileName === null || laterality === null
        ? null
        : { fileName, laterality, patientCode, visitDate, visitLabel },
  };
}

function pick(summary: TraceSummary) {
  const { imageId, modelId, modelName, modelSha256, imageSha256, promptText, weightDtype } = summary;
  const { softwareVersion, numLayers, numPositions, topK, gateMaxAbsDiff, generatedText, createdAt } =
    summary;
  return {
    ...{ imageId, modelId, modelName, modelSha256, imageSha256, promptText, weightDtype },
    ...{ softwareVersion, numLayers, numPositions, topK, gateMaxAbsDiff, generatedText, createdAt },
  };
}

function setIdOf(library: Library, row: number, known: Map<number, string>): string {
  const id = known.get(row) ?? library.conceptSets.get(row).set.id;
  known.set(row, id);
  return id;
}

function noteOf(library: Library, id: number): string {
  return library.settings.get(noteKey(id), z.string(), '');
}

function noteKey(id: number): string {
  return `traces.note.${id}`;
}
