import { rename } from 'node:fs/promises';
import type { FittedLens } from '../lens-trace/lenses/fitted-lens.ts';
import { convertPublicLens, isPublicLens, type PublicLens } from './jacobian-file.ts';
import { readLensFile } from './open-lens.ts';

/**
 * Reads the whole of a lens's file, and says what it is. One of the public format is replaced by one of ours.
 *
 * @throws FundusLensError whatever {@link readLensFile} and {@link convertPublicLens} throw
 */
export async function describeLens(request: PublicLens): Promise<FittedLens> {
  const { file, name } = request;
  if (await isPublicLens(file)) {
    const converted = `${file}.converted`;
    await convertPublicLens(request, converted);
    await rename(converted, file);
  }
  return (await readLensFile(file, name)).lens;
}
