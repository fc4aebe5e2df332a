import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';
import { withWarningCodes } from '../../engine/lens-trace/warnings.ts';
import { dtypeOf, fromLittleEndian } from './typed-arrays.ts';
import type { StoredArray, StoredDtype } from './typed-arrays.ts';

/** A trace's number array with its place in the trace, such as `cells.topIds` or `concepts.0.logProb`. */
export interface NamedArray {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly array: StoredArray;
}

/** Stands in the document where an array was taken out. */
interface ArrayReference {
  readonly $array: string;
}

/**
 * Splits a trace into JSON and arrays. Every field is kept, also ones that later versions of the contract add.
 *
 * Shapes: [N, P, K] for top-k lists, [N, P] for what there is one of per cell, [n] for the rest.
 */
export function splitTrace(trace: LensTrace): { document: string; arrays: NamedArray[] } {
  const numCells = trace.layers.length * trace.positions.length;
  const arrays: NamedArray[] = [];
  const walk = (value: unknown, name: string): unknown => {
    const dtype = dtypeOf(value);
    if (dtype !== undefined) {
      const array = value as StoredArray;
      const cellShape = [trace.layers.length, trace.positions.length];
      const isTop = /^cells\.top/.test(name) && array.length === numCells * trace.topK;
      const shape = isTop
        ? [...cellShape, trace.topK]
        : array.length === numCells
          ? cellShape
          : [array.length];
      arrays.push({ name, dtype, shape, array });
      return { $array: name } satisfies ArrayReference;
    }
    if (Array.isArray(value)) return value.map((item, index) => walk(item, join(name, String(index))));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, walk(item, join(name, key))]),
      );
    }
    return value;
  };
  return { document: JSON.stringify(walk(trace, '')), arrays };
}

/** The inverse of {@link splitTrace}. */
export function joinTrace(
  document: string,
  read: (name: string) => { dtype: string; bytes: Uint8Array },
): LensTrace {
  // A reviver, which is called for every number, took ten times as long.
  return withWarningCodes(
    resolve(JSON.parse(document), ({ $array }) => {
      const { dtype, bytes } = read($array);
      return fromLittleEndian(bytes, dtype);
    }) as LensTrace,
  );
}

/** Puts arrays in the place of their references, in what was parsed. */
function resolve(value: unknown, read: (reference: ArrayReference) => StoredArray): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isReference(value)) return read(value);
  const parent = value as Record<string, unknown>;
  for (const key of Object.keys(parent)) {
    const item = parent[key];
    if (typeof item === 'object' && item !== null) parent[key] = resolve(item, read);
  }
  return parent;
}

function isReference(value: unknown): value is ArrayReference {
  return typeof value === 'object' && value !== null && '$array' in value && typeof value.$array === 'string';
}

function join(name: string, key: string): string {
  return name === '' ? key : `${name}.${key}`;
}
