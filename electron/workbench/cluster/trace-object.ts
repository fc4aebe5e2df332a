import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { FundusLensError } from '../../contract/errors.ts';
import { packTrace, unpackTrace } from '../../engine/lens-trace/codec.ts';
import type { LensTrace } from '../../engine/lens-trace/lens-trace.ts';

/** Far beyond a trace of all positions; what is larger was made to fill the memory. */
const mostBytes = 2 ** 30;

/** A trace as it lies in the storage: packed, then zstd. */
export async function packObject(trace: LensTrace): Promise<Buffer> {
  return promisify(zstdCompress)(packTrace(trace));
}

/**
 * The inverse of {@link packObject}, bit for bit.
 *
 * @throws FundusLensError `cluster.storage` when the bytes are no trace of this version
 */
export async function unpackObject(bytes: Uint8Array): Promise<LensTrace> {
  try {
    const packed = await promisify(zstdDecompress)(bytes, { maxOutputLength: mostBytes });
    // A copy of its own: arrays of the trace lie over the bytes, and have to begin at multiples of eight.
    return unpackTrace(new Uint8Array(packed).buffer);
  } catch (cause) {
    throw new FundusLensError('cluster.storage', 'A trace of the cluster cannot be read.', {
      expected: 'a packed trace of this version',
      advice: 'Run workers of the version that collects.',
      cause,
    });
  }
}
