import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { FundusLensError } from '../../contract/errors.ts';
import type { Lens } from '../lens/lens.ts';
import type { LoadedModel } from '../model/model.ts';
import { applyAffine, type AffineMap } from './affine-fit.ts';
import { readShortcut } from './shortcut-file.ts';

/**
 * A shortcut's file as the lens of a model. At the last layer it is the model's own distribution, as every lens is.
 *
 * @throws FundusLensError `lens.other-model` for one that was fitted to other weights, `lens.file-damaged`, `lens.newer-version`
 */
export async function openShortcut(
  file: string,
  {
    fingerprint,
    checkpoint,
  }: Pick<LoadedModel, 'fingerprint'> & {
    readonly checkpoint: Pick<LoadedModel['checkpoint'], 'id' | 'config'>;
  },
): Promise<Lens> {
  const { lens, maps } = await readShortcut(file);
  const { numLayers, dModel } = checkpoint.config.decoder;
  const { model, name, prompt, patients, images } = lens;
  if (model.sha256 !== fingerprint.sha256 || model.numLayers !== numLayers || model.dModel !== dModel)
    throw new FundusLensError('lens.other-model', `The lens "${name}" belongs to another model.`, {
      expected: `states of ${model.id} (${model.sha256.slice(0, 12)}…), ${model.numLayers} layers of ${model.dModel}`,
      found: `states of ${checkpoint.id} (${fingerprint.sha256.slice(0, 12)}…), ${numLayers} layers of ${dModel}`,
      advice: 'Trace with the model that the lens was fitted to, or fit a lens for this one.',
    });
  const sha256 = await hashFile(file);
  return {
    kind: 'shortcut',
    key: `shortcut:${sha256}`,
    fitted: {
      label: {
        ...{ name, prompt, patients, sha256 },
        ...{ numFitted: images.fitted.length, numHeldOut: images.heldOut.length },
      },
      images: new Set(images.fitted),
    },
    map: mapThrough(maps),
  };
}

/** After the last map the state is its own. */
export function mapThrough(maps: readonly AffineMap[]): Lens['map'] {
  return (layer, rows) => {
    const map = maps[layer];
    return map === undefined ? rows : applyAffine(map, rows);
  };
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
