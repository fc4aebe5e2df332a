import { mem } from 'systeminformation';
import { FundusLensError } from '../../contract/errors.ts';

/** Free memory, bytes. */
export interface AvailableMemory {
  readonly hostBytes: number;
  /** Of the device in all; null when unknown, or when it uses the host's. */
  readonly deviceBytes: number | null;
}

/** Share of a device's memory that is ours; the rest is its driver's, the screen's and other programs'. */
const deviceShare = 0.92;
const deviceVariable = 'FUNDUS_LENS_DEVICE_MEMORY';

/**
 * A container's limit counts where there is one. On macOS Node counts only pages never used.
 *
 * @throws FundusLensError `input.invalid` when FUNDUS_LENS_DEVICE_MEMORY is no number of bytes
 */
export async function measureMemory(deviceMemoryBytes: number | null): Promise<AvailableMemory> {
  const hostBytes = process.platform === 'darwin' ? (await mem()).available : process.availableMemory();
  const own = deviceMemoryBytes === null ? null : deviceShare * deviceMemoryBytes;
  return { hostBytes, deviceBytes: readStatedBytes() ?? own };
}

/** Whether our estimates are overridden. */
export function isMemoryCheckOff(): boolean {
  return process.env['FUNDUS_LENS_MEMORY_CHECK'] === 'off';
}

/** Limit set by the user for a device that is shared, or whose memory is unknown. */
function readStatedBytes(): number | null {
  const stated = process.env[deviceVariable] ?? '';
  if (stated === '') return null;
  const bytes = Number(stated);
  if (bytes > 0) return bytes;
  throw new FundusLensError('input.invalid', `${deviceVariable} is no size of memory.`, {
    expected: 'a number of bytes, such as 6e9',
    found: stated,
    advice: `Correct ${deviceVariable}, or leave it out.`,
  });
}
