import { existsSync } from 'node:fs';
import { FundusLensError } from '../../contract/errors.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { loadedGateSchema } from '../../contract/models/models.ts';
import type { Model } from '../../contract/models/models.ts';
import type { Library } from '../../store/library/library.ts';
import type { StoredModel } from '../../store/models.ts';

const storedGateSchema = loadedGateSchema.nullable();

/** @throws FundusLensError `model.not-found` when its folder is gone or forgotten */
export function folderOf({ folder, name }: StoredModel): string {
  if (folder !== null && existsSync(folder)) return folder;
  throw new FundusLensError('model.not-found', `The model ${name} is not on this computer.`, {
    expected: folder ?? 'a folder with its checkpoint',
    found: folder === null ? 'no folder is known' : 'no such folder',
    advice: 'Add the folder of the checkpoint under "Models".',
  });
}

/** Remembers how far the lens of the last layer was from the model's own logits. */
export function noteGate(library: Library, { model, gate }: Pick<LensTrace, 'model' | 'gate'>): void {
  const { sha256, provider, providerFallback, device, deviceMemoryBytes, deviceMemoryUsedBytes } = model;
  library.settings.set(gateKey(sha256), {
    ...gate,
    at: new Date().toISOString(),
    provider,
    providerFallback,
    device: device ?? null,
    deviceMemoryBytes: deviceMemoryBytes ?? null,
    deviceMemoryUsedBytes: deviceMemoryUsedBytes ?? null,
  });
}

/** What {@link noteGate} last remembered; null before. */
export function readGate(library: Library, sha256: string): Model['gate'] {
  return library.settings.get(gateKey(sha256), storedGateSchema, null);
}

function gateKey(sha256: string): string {
  return `models.gate.${sha256}`;
}
