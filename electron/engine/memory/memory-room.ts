import { mem } from 'systeminformation';
import { FundusLensError } from '../../contract/errors.ts';

/** What programs may still take, bytes. */
export interface MemoryRoom {
  readonly hostBytes: number;
  /** Of the device in all; null when it does not tell, or uses the host's. */
  readonly deviceBytes: number | null;
}

/** Share of a device's memory that is ours; the rest is its driver's, the screen's and other programs'. */
const deviceShare = 0.92;
const deviceVariable = 'FUNDUS_LENS_DEVICE_MEMORY';

/**
 * A container's limit counts where there is one. On macOS Node counts only pages that nobody has touched.
 *
 * @throws FundusLensError `input.invalid` when FUNDUS_LENS_DEVICE_MEMORY is no number of bytes
 */
export async function measureMemory(deviceMemoryBytes: number | null): Promise<MemoryRoom> {
  const hostBytes = process.platform === 'darwin' ? (await mem()).available : process.availableMemory();
  const own = deviceMemoryBytes === null ? null : deviceShare * deviceMemoryBytes;
  return { hostBytes, deviceBytes: readStatedBytes() ?? own };
}

/** Whether somebody has said that they know better than our estimates. */
export function isMemoryCheckOff(): boolean {
  return process.env['FUNDUS_LENS_MEMORY_CHECK'] === 'off';
}

/** What a person lets us have of a device that others use too, or that does not tell. */
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
