import { writeShortcut, type ShortcutLabel } from '../fitted-lens/shortcut-file.ts';
import type { FittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import type { TraceHooks } from '../progress/trace-hooks.ts';
import type { ModelCache } from '../stages/model-cache.ts';
import { fitShortcut, type ShortcutRequest } from './fit-shortcut.ts';

/** A shortcut to be fitted, and where its file is to lie. */
export interface FitLensRequest extends ShortcutRequest {
  readonly file: string;
  readonly label: ShortcutLabel;
}

/** @throws FundusLensError whatever {@link fitShortcut} and {@link writeShortcut} throw */
export async function fitLens(
  { file, label, ...request }: FitLensRequest,
  hooks: TraceHooks,
  models: ModelCache,
): Promise<FittedLens> {
  return writeShortcut(file, await fitShortcut(request, hooks, models), label);
}
