import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { readFidelity } from '../../model-hub/prepared-folder.ts';
import type { Library } from '../../store/library/library.ts';

/** A trace with what is known of its weights now, when that was measured after the trace was made. */
export function traceWithFidelity(library: Library, id: number): LensTrace {
  const trace = library.traces.get(id);
  if (trace.model.fidelity != null) return trace;
  const folder = library.models.findBySha256(trace.model.sha256)?.folder ?? null;
  const fidelity = folder === null ? null : readFidelity(folder);
  return fidelity === null ? trace : { ...trace, model: { ...trace.model, fidelity: fidelity.summary } };
}
