import { readFile, stat } from 'node:fs/promises';
import { FundusLensError, type ErrorCode } from '../../contract/errors.ts';

/**
 * Reads a small file of a checkpoint.
 *
 * @param maxBytes what a file of this kind may have at most
 * @param code of the error when it has more; the file is not read then
 * @returns undefined when there is no such file or it cannot be read
 * @throws FundusLensError with `code`
 */
export async function readSideFile(
  file: string,
  maxBytes: number,
  code: ErrorCode,
): Promise<string | undefined> {
  const size = await stat(file).then(
    (stats) => stats.size,
    () => undefined,
  );
  if (size === undefined) return undefined;
  if (size > maxBytes) {
    throw new FundusLensError(code, `${file} is too large for what it should be.`, {
      expected: `at most ${showMebibytes(maxBytes)}`,
      found: showMebibytes(size),
      advice: 'Download the file of the same checkpoint again.',
    });
  }
  return readFile(file, 'utf8').catch(() => undefined);
}

const showMebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
