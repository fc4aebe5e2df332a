/**
 * Random numbers that follow from their place alone, so that any part of a matrix can be made without the rest.
 */

/** A seed of a name (FNV-1a). */
export function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  return hash;
}

/** Uniform in 0 … 1. */
export function numberAt(seed: number, row: number, column: number): number {
  return (mix(mix(mix(seed ^ 0x9e3779b9) ^ row) ^ column) >>> 0) / 2 ** 32;
}

/** Nearly normal, variance 1: the sum of four uniform numbers of 16 bits. */
export function normalAt(seed: number, row: number, column: number): number {
  const a = mix(mix(mix(seed ^ 0x9e3779b9) ^ row) ^ column);
  const b = mix(a ^ 0x85ebca6b);
  return ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 131_070) / 37_837.2;
}

/** exp(sigma · normal), median 1. */
export function logNormalAt(seed: number, row: number, column: number, sigma: number): number {
  return Math.exp(sigma * normalAt(seed, row, column));
}

/** 32 bits to 32 bits, each depending on all. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return bits ^ (bits >>> 16);
}
