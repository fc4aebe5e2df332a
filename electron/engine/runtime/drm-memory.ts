import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const units: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** What one open graphics device holds for its process. */
interface DrmClient {
  /** The same for every file descriptor of one client, which must be counted once. */
  readonly key: string;
  readonly bytes: number;
}

/**
 * Graphics memory that the Linux kernel counts for a process, bytes; null when its drivers do not report it, or the process
 * uses memory of the host only. amdgpu, i915 and xe report it.
 *
 * @param proc the process file system
 * @see https://docs.kernel.org/gpu/drm-usage-stats.html
 */
export async function measureDrmMemory(pid: number, proc = '/proc'): Promise<number | null> {
  const folder = path.join(proc, String(pid), 'fdinfo');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    // A descriptor may be closed while we read.
    names.map((name) => readFile(path.join(folder, name), 'utf8').catch(() => '')),
  );
  const clients = new Map(
    texts.flatMap((text) => parseFdinfo(text) ?? []).map(({ key, bytes }) => [key, bytes]),
  );
  return clients.size === 0 ? null : [...clients.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** One file of `/proc/PID/fdinfo`; null when it is no graphics device, or one without memory of its own. */
export function parseFdinfo(text: string): DrmClient | null {
  const fields = new Map(
    [...text.matchAll(/^(drm-[\w-]+):[ \t]*(.*?)[ \t]*$/gm)].map(([, key = '', value = '']) => [key, value]),
  );
  const client = fields.get('drm-client-id');
  if (client === undefined) return null;
  // Resident where the kernel says so; its older word for the same is "memory".
  const regions = new Map<string, number>();
  for (const [key, value] of fields) {
    const [, kind, region] = /^drm-(resident|memory)-((?:vram|local)\d*)$/.exec(key) ?? [];
    const [, amount, unit = ''] = /^(\d+)(?: (KiB|MiB|GiB))?$/.exec(value) ?? [];
    if (region === undefined || amount === undefined) continue;
    if (kind === 'resident' || !regions.has(region)) regions.set(region, Number(amount) * units[unit]!);
  }
  if (regions.size === 0) return null;
  const key = [fields.get('drm-driver'), fields.get('drm-pdev'), client].join(' ');
  return { key, bytes: [...regions.values()].reduce((sum, bytes) => sum + bytes, 0) };
}
