import { existsSync } from 'node:fs';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ExportResult, ExportTarget } from '../../contract/exports.ts';
import { OutputFile } from './output-file.ts';

type Part = string | Uint8Array;
export type Parts = Part | Iterable<Part> | AsyncIterable<Part>;

export function answerWith(name: string, contentType: string, data: string): ExportResult {
  const file = new File([data], name, { type: contentType });
  return { name, contentType, bytes: file.size, file, path: null };
}

/**
 * Hands an export over: in the answer, or as a file that appears only when it is whole.
 *
 * @throws FundusLensError `output.unwritable`, also when the file exists and must not be replaced
 */
export async function deliver(
  target: ExportTarget,
  name: string,
  contentType: string,
  data: Parts,
): Promise<ExportResult> {
  const parts = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
  if (target.to === 'answer') {
    const blobs: Blob[] = [];
    for await (const part of parts)
      blobs.push(new Blob([typeof part === 'string' ? part : Uint8Array.from(part)]));
    const file = new File(blobs, name, { type: contentType });
    return { name, contentType, bytes: file.size, file, path: null };
  }
  const file = path.resolve(target.path);
  if (!target.overwrite && existsSync(file)) throw nameTaken(file);
  const output = await OutputFile.open(file);
  let bytes = 0;
  try {
    for await (const part of parts) {
      await output.write(part);
      bytes += Buffer.byteLength(part);
    }
    await output.commit();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return { name: path.basename(file), contentType, bytes, file: null, path: file };
}

/** A file of this name is there, and may not be replaced. */
export function nameTaken(file: string): FundusLensError {
  return new FundusLensError('output.unwritable', `Cannot write ${file}.`, {
    expected: 'a new name',
    found: 'a file of this name',
    advice: 'Choose another name, or allow it to be replaced; in a terminal with --overwrite.',
  });
}
