import { existsSync } from 'node:fs';
import path from 'node:path';
import { FundusLensError } from '../../common/errors.ts';
import type { ExportResult, ExportTarget } from '../../common/export-model.ts';
import { OutputFile } from '../output-file.ts';

export function answerWith(name: string, contentType: string, data: string | Uint8Array): ExportResult {
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : Uint8Array.from(data);
  const file = new File([bytes], name, { type: contentType });
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
  data: string | Uint8Array,
): Promise<ExportResult> {
  if (target.to === 'answer') return answerWith(name, contentType, data);
  const file = path.resolve(target.path);
  refuseExisting(file, target.overwrite);
  const output = await OutputFile.open(file);
  try {
    await output.write(data);
    await output.commit();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return { name: path.basename(file), contentType, bytes: Buffer.byteLength(data), file: null, path: file };
}

export function refuseExisting(file: string, overwrite: boolean): void {
  if (overwrite || !existsSync(file)) return;
  throw new FundusLensError('output.unwritable', `Cannot write ${file}.`, {
    expected: 'a new name',
    found: 'a file of this name',
    advice: 'Choose another name, or allow it to be replaced.',
  });
}
