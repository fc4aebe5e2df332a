import packageJson from '#package.json' with { type: 'json' };
import { FundusLensError } from '../../contract/errors.ts';
import type { FittedLens, JacobianLens } from '../lens-trace/lenses/fitted-lens.ts';
import { writeSafetensors } from '../weights/safetensors-writer.ts';
import { hashFile } from './hash-file.ts';
import { damagedLens, writeLabel, type LensArrays } from './lens-label.ts';
import {
  isTorchArchive,
  openTorchArchive,
  type TorchArchive,
  type TorchTensor,
  type TorchValue,
} from './torch-archive.ts';

/** J[l] by row l = 0…L − 1 of the residual stream, float32 [D, D], row-major; null where the lens has none. */
export type JacobianMatrices = readonly (Float32Array | null)[];

/** float32 [R, D] → float32 [R, D]: the matrix times every row. */
export function applyMatrix(matrix: Float32Array, rows: Float32Array, width: number): Float32Array {
  const mapped = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += width)
    for (let output = 0; output < width; output++) {
      let sum = 0;
      for (let input = 0, at = output * width; input < width; input++)
        sum += matrix[at + input]! * rows[start + input]!;
      mapped[start + output] = sum;
    }
  return mapped;
}

/** @throws RangeError for arrays that are not those of a Jacobian lens */
export async function readMatrices(
  { layers, model: { numLayers, dModel } }: JacobianLens,
  { numArrays, read }: LensArrays,
): Promise<JacobianMatrices> {
  if (new Set(layers).size !== layers.length || layers.some((layer) => layer >= numLayers))
    throw new RangeError(`layers ${layers.join(', ')} of ${numLayers}`);
  if (numArrays !== layers.length) throw new RangeError(`${numArrays} arrays for ${layers.length} layers`);
  const matrices = new Array<Float32Array | null>(numLayers).fill(null);
  for (const layer of layers) matrices[layer] = await read(`layers.${layer}.matrix`, [dModel, dModel]);
  return matrices;
}

/** A file of the public format, which names no model, and what is said of it here. */
export interface PublicLens {
  readonly file: string;
  /** Of the lens, and of its file in an error. */
  readonly name: string;
  /** What it was fitted to, as the person says who brings it; null when nothing was said. */
  readonly model: FittedLens['model'] | null;
}

/** Whether a file may be of the public format; only the first bytes are looked at. */
export const isPublicLens = isTorchArchive;

/**
 * Writes a Jacobian lens of the public format (github.com/anthropics/jacobian-lens, `JacobianLens.save`) as a file of ours:
 * `layers.l.matrix` [D, D], float32, and in the metadata everything else as JSON under `lens`. A state is read as matrix · h.
 *
 * There the key of a matrix is a block, and the state is what comes out of it: block b is row b + 1 of our residual stream. What
 * goes into block 0 has no matrix there.
 *
 * @throws FundusLensError `input.invalid` without a model; `lens.other-model` when width or layers are not the model's;
 *   `lens.file-damaged`, `output.unwritable`
 */
export async function convertPublicLens(
  { file, name, model }: PublicLens,
  target: string,
): Promise<JacobianLens> {
  if (model === null)
    throw new FundusLensError('input.invalid', `${name} does not say which model it was fitted to.`, {
      expected: 'the model that it was fitted to',
      found: 'a Jacobian lens of the public format, which names none',
      advice: 'Choose the model too; in the terminal with --model FOLDER.',
    });
  const archive = await openTorchArchive(file).catch((error: unknown) => {
    throw damagedLens(name, error);
  });
  try {
    const { jacobians, numPrompts } = await readPublic(archive).catch((error: unknown) => {
      throw damagedLens(name, error);
    });
    checkModel(jacobians, model, name);
    const layers = [...jacobians.keys()].map((block) => block + 1).sort((a, b) => a - b);
    const tensors = [];
    for (const layer of layers) {
      const matrix = await archive.read(jacobians.get(layer - 1)!).catch((error: unknown) => {
        throw damagedLens(name, error);
      });
      const shape = [model.dModel, model.dModel];
      tensors.push({ name: `layers.${layer}.matrix`, dtype: 'F32' as const, shape, parts: [matrix] });
    }
    const lens: JacobianLens = {
      ...{
        kind: 'jacobian',
        name: name.replace(/\.pt$/i, '').slice(0, 200),
        model,
        prompt: null,
        maxPixels: null,
      },
      ...{ numPrompts, rows: null, layers, images: { fitted: [], heldOut: [] }, patients: null, error: null },
      origin: { format: 'jlens', sha256: await hashFile(file) },
      ...{ softwareVersion: packageJson.version, createdAt: new Date().toISOString() },
    };
    await writeSafetensors(target, tensors, writeLabel(lens));
    return lens;
  } finally {
    archive.close();
  }
}

async function readPublic({ value }: TorchArchive) {
  if (!isDictionary(value)) throw new RangeError('a PyTorch file that is no dictionary');
  const found = value.get('J');
  if (!isDictionary(found))
    throw new RangeError(
      `a dictionary of ${[...value.keys()].map(String).join(', ') || 'nothing'}, without "J"`,
    );
  const jacobians = new Map<number, TorchTensor>();
  for (const [block, tensor] of found) {
    if (typeof block !== 'number' || !Number.isSafeInteger(block) || block < 0)
      throw new RangeError('a matrix whose block is no number');
    if (typeof tensor !== 'object' || tensor === null || !('storage' in tensor))
      throw new RangeError(`no tensor for block ${block}`);
    jacobians.set(block, tensor);
  }
  if (jacobians.size === 0) throw new RangeError('no matrices');
  const numPrompts = value.get('n_prompts');
  if (typeof numPrompts !== 'number' || !Number.isSafeInteger(numPrompts) || numPrompts < 0)
    throw new RangeError('"n_prompts" is no count');
  return Promise.resolve({ jacobians, numPrompts });
}

function isDictionary(value: TorchValue | undefined): value is ReadonlyMap<TorchValue, TorchValue> {
  return value instanceof Map;
}

function checkModel(
  jacobians: ReadonlyMap<number, TorchTensor>,
  { id, numLayers, dModel }: FittedLens['model'],
  name: string,
): void {
  const last = Math.max(...jacobians.keys());
  const other = [...jacobians.values()].find(({ shape }) => shape.join() !== [dModel, dModel].join());
  if (other === undefined && last <= numLayers - 2) return;
  throw new FundusLensError('lens.other-model', `The lens "${name}" belongs to another model.`, {
    expected: `matrices [${dModel}, ${dModel}] for blocks 0…${numLayers - 2} of ${id}`,
    found: `${other === undefined ? '' : `[${other.shape.join(', ')}], `}blocks up to ${last}`,
    advice: 'Choose the model that the lens was fitted to.',
  });
}
