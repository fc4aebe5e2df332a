import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace, PlainLens } from '../../engine/lens-trace/lens-trace.ts';
import { nameLens } from '../../engine/lens-trace/name-lens.ts';
import { fittedOf, type LensChoice } from '../../engine/lens-trace/trace-request.ts';
import type { EngineTraceRequest } from '../../engine/process/messages.ts';
import type { StoredLens } from '../../store/traces/lenses.ts';
import type { Library } from '../../store/library/library.ts';

/** The lens of a stored trace, to be asked for again. */
export function choiceOf({ lens, fittedLens }: Pick<LensTrace, 'lens' | 'fittedLens'>): LensChoice {
  return lens === 'logit' || lens === 'raw' ? lens : `${lens}:${fittedLens?.sha256 ?? ''}`;
}

/**
 * A choice as the engine takes it.
 *
 * @throws FundusLensError `lens.not-found`; `library.damaged` without its file
 */
export function engineLens(library: Library, choice: LensChoice): EngineTraceRequest['lens'] {
  const stored = storedLens(library, choice);
  return stored === null ? (choice as PlainLens) : { file: library.lenses.file(stored) };
}

/**
 * Refuses what could only fail later.
 *
 * @throws FundusLensError `lens.not-found`, `lens.other-model`
 */
export function checkLens(
  library: Library,
  choice: LensChoice,
  model: { readonly name: string; readonly sha256: string },
): void {
  const stored = storedLens(library, choice);
  if (stored === null || stored.modelSha256 === model.sha256) return;
  throw new FundusLensError('lens.other-model', `The lens "${stored.name}" belongs to another model.`, {
    expected: `${stored.description.model.id} (${stored.modelSha256.slice(0, 12)}…)`,
    found: `${model.name} (${model.sha256.slice(0, 12)}…)`,
    advice: 'Trace with the model that the lens was fitted to, or fit a lens for this one.',
  });
}

/** @throws FundusLensError `lens.not-found` */
export function lensOfTrace(library: Library, trace: LensTrace): LensChoice {
  const choice = choiceOf(trace);
  const fitted = fittedOf(choice);
  if (fitted !== null && library.lenses.findBySha256(fitted.which) === undefined)
    throw notFound(nameLens(trace, 'en'));
  return choice;
}

/** null of the lenses that nothing was fitted for. @throws FundusLensError `lens.not-found` */
function storedLens(library: Library, choice: LensChoice): StoredLens | null {
  const fitted = fittedOf(choice);
  if (fitted === null) return null;
  const stored = library.lenses.findBySha256(fitted.which);
  if (stored?.description.kind === fitted.kind) return stored;
  throw notFound(`a lens of the kind "${fitted.kind}" with SHA-256 ${fitted.which}`);
}

function notFound(expected: string): FundusLensError {
  return new FundusLensError('lens.not-found', 'This lens is not in the library.', {
    expected,
    advice: 'Import its file, or choose another lens.',
  });
}
