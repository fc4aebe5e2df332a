import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { measureDrmMemory } from './drm-memory.ts';
import { measureNvidiaMemory } from './nvidia-smi.ts';

/** Asking a driver takes longer than a short trace, so that a measurement serves those that follow at once, milliseconds. */
const freshFor = 5000;

/**
 * Device memory that a process holds now, bytes; null when neither NVIDIA's tool nor the Linux kernel reports it, as on
 * Windows with other cards, on macOS, whose GPUs use the host's memory, and in a container with process numbers of its own.
 */
export async function measureDeviceMemory(pid: number): Promise<number | null> {
  return (await measureNvidiaMemory(pid)) ?? (process.platform === 'linux' ? measureDrmMemory(pid) : null);
}

/** Measures this process's device memory for a provider, at most every few seconds; the cpu has none. */
export function createMemoryMeter(provider: ProviderName): () => Promise<number | null> {
  if (provider === 'cpu') return () => Promise.resolve(null);
  let at = -Infinity;
  let last: Promise<number | null> = Promise.resolve(null);
  return () => {
    if (performance.now() - at > freshFor) {
      at = performance.now();
      last = measureDeviceMemory(process.pid);
    }
    return last;
  };
}
