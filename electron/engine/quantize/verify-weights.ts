import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { PrepareStage } from '../../contract/models/prepared-model.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { Journal } from './journal.ts';
import type { PreparePlan } from './plan.ts';

const readBytes = 1 << 22;

/**
 * Reads the finished weights file once, from beginning to end.
 *
 * @returns its SHA-256, and the tensors whose bytes are not those that were written
 */
export async function verifyWeights(
  plan: PreparePlan,
  weightsFile: string,
  journal: Journal,
  hooks: { readonly signal?: AbortSignal },
  report: (stage: PrepareStage, done: number, total: number, tensor: string | null) => void,
): Promise<{ readonly sha256: string; readonly damaged: readonly string[] }> {
  const whole = createHash('sha256');
  const damaged: string[] = [];
  const handle = await open(weightsFile, 'r');
  const buffer = Buffer.alloc(readBytes);
  let at = 0;
  const readTo = async (end: number, part: Hash | null) => {
    while (at < end) {
      if (hooks.signal?.aborted === true)
        throw new FundusLensError('engine.cancelled', 'Preparing was cancelled.');
      const { bytesRead } = await handle.read(buffer, 0, Math.min(readBytes, end - at), at);
      if (bytesRead === 0) throw new Error(`${weightsFile} ends before byte ${end}`);
      const bytes = buffer.subarray(0, bytesRead);
      whole.update(bytes);
      part?.update(bytes);
      at += bytesRead;
    }
  };
  try {
    for (const { name, data, scales, zeroPoints } of plan.tensors) {
      const hash = createHash('sha256');
      for (const range of [data, scales, zeroPoints]) {
        if (range === null) continue;
        await readTo(range.offset, null);
        await readTo(range.offset + range.bytes, hash);
      }
      if (hash.digest('hex') !== journal.get(name)?.sha256) damaged.push(name);
      report('verify', at, plan.bytes, name);
    }
  } finally {
    await handle.close();
  }
  return { sha256: whole.digest('hex'), damaged };
}
