import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import type { ExportResult, dumpExportSchema } from '../../contract/exports.ts';
import type { Services } from '../services.ts';
import { repeatTrace } from '../traces/repeat-trace.ts';
import { writeThrough } from './output-file.ts';

/**
 * Runs a trace again and writes everything that it is computed from: pixel values, image embeddings, residual stream
 * before the final norm, final state, logits and position ids, as safetensors.
 *
 * @throws FundusLensError `output.unwritable`, whatever the engine throws
 */
export async function exportDump(
  services: Services,
  { traceId, path: file }: z.output<typeof dumpExportSchema>,
  signal?: AbortSignal,
): Promise<ExportResult> {
  await writeThrough(file, (temporary) =>
    repeatTrace(services, traceId, { positions: 'last', topK: 1, dumpPath: temporary }, signal),
  );
  const { size: bytes } = await stat(file);
  return {
    name: path.basename(file),
    contentType: 'application/octet-stream',
    bytes,
    file: null,
    path: file,
  };
}
