import { measureDrmMemory } from './drm-memory.ts';
import { measureNvidiaMemory } from './nvidia-smi.ts';

/**
 * Device memory that a process holds now, bytes; null where neither NVIDIA's tool nor the Linux kernel tells, as on
 * Windows with other cards, on macOS, whose GPUs use the host's memory, and in a container with process numbers of its own.
 */
export async function measureDeviceMemory(pid: number): Promise<number | null> {
  return (await measureNvidiaMemory(pid)) ?? (process.platform === 'linux' ? measureDrmMemory(pid) : null);
}
