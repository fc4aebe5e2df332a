import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { graphics } from 'systeminformation';
import { listGpuUses, listNvidiaGpus } from './nvidia-smi.ts';

/** The device behind a provider, as far as it is known. */
export interface DeviceIdentity {
  /** Its name; several, joined with "or", when the runtime does not report which of them it uses. */
  readonly device: string | null;
  /** Memory of its own in all, bytes; null when unknown, and of a device that uses the host's. */
  readonly deviceMemoryBytes: number | null;
}

/** Set for a process, this makes the Vulkan loader write what it does to stderr. */
export const vulkanLog = { VK_LOADER_DEBUG: 'driver' } as const;

/** How long the system may take to list its graphics controllers, milliseconds. */
const controllerPatience = 10_000;
const softwareDevices = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;
const unknown: DeviceIdentity = { device: null, deviceMemoryBytes: null };
const amdVendor = '0x1002';
/** A processor's own graphics set aside less than this and use the host's memory besides. */
const leastOwnMemory = 3 * 2 ** 30;

/** Whether a graphics device is a program on the processor, which is slower than the processor itself. */
export function isSoftware(device: string | null): boolean {
  return device !== null && softwareDevices.test(device);
}

export function identifyProcessor(): DeviceIdentity {
  return { device: cpus()[0]?.model.trim() || null, deviceMemoryBytes: null };
}

/**
 * Names the device that the webgpu provider opened.
 *
 * On Linux the Vulkan loader reports which one; elsewhere ONNX Runtime does not, and the graphics
 * controllers of the machine are named.
 *
 * @param log what a process that used it wrote to stderr, with {@link vulkanLog}
 * @param controllers names the machine's graphics controllers; asked only when the log says nothing
 */
export async function identifyDevice(
  log: string,
  controllers: () => Promise<DeviceIdentity> = identifyControllers,
): Promise<DeviceIdentity> {
  const opened = parseOpenedDevice(log);
  return opened === null ? controllers() : { device: opened, deviceMemoryBytes: await measureTotal(opened) };
}

/** The device that the Vulkan loader opened last; null when it did not say, as before version 1.3.212. */
export function parseOpenedDevice(log: string): string | null {
  return [...log.matchAll(/^.*\bUsing "(.+)" with driver: ".*$/gm)].at(-1)?.[1]?.trim() ?? null;
}

/**
 * Names the device that the cuda provider is on.
 *
 * @param pid process in which it holds a session now; CUDA numbers devices in an order of its own
 */
export async function findCudaDevice(pid: number): Promise<DeviceIdentity> {
  const gpus = await listNvidiaGpus();
  const uses = gpus.length > 1 ? await listGpuUses() : [];
  const mine = gpus.filter(({ uuid }) => uses.some((use) => use.uuid === uuid && use.pid === pid));
  const candidates = mine.length > 0 ? mine : gpus;
  const memories = new Set(candidates.map(({ memoryBytes }) => memoryBytes));
  return {
    device: joinNames(candidates.map(({ name }) => name)),
    deviceMemoryBytes: memories.size === 1 ? [...memories][0]! : null,
  };
}

/** @returns bytes of the device of that name */
async function measureTotal(name: string): Promise<number | null> {
  const gpu = (await listNvidiaGpus()).find((other) => other.name === name);
  if (gpu !== undefined) return gpu.memoryBytes;
  return /\b(AMD|Radeon|RADV)\b/i.test(name) ? readAmdMemory() : null;
}

/**
 * Video memory of the machine's AMD card, bytes; null when there are several, when unknown, or when it shares the host's.
 *
 * @param folder where the kernel lists graphics cards
 */
export async function readAmdMemory(folder = '/sys/class/drm'): Promise<number | null> {
  const read = (name: string, file: string) =>
    readFile(path.join(folder, name, 'device', file), 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
  const cards = (await readdir(folder).catch(() => [])).filter((name) => /^card\d+$/.test(name));
  const totals: number[] = [];
  for (const card of cards) {
    if ((await read(card, 'vendor')) === amdVendor)
      totals.push(Number(await read(card, 'mem_info_vram_total')));
  }
  const [total, ...others] = totals;
  return total !== undefined && others.length === 0 && total >= leastOwnMemory ? total : null;
}

/** The machine's graphics controllers, as the system lists them; nothing when it does not in time. */
export async function identifyControllers(): Promise<DeviceIdentity> {
  try {
    const { controllers } = await Promise.race([graphics(), silenceAfter(controllerPatience)]);
    const real = controllers.filter(({ model }) => model !== '' && !/basic|remote|virtual/i.test(model));
    if (real.length === 0) return unknown;
    const [only, ...others] = real;
    return {
      device: joinNames(real.map(({ model }) => model)),
      deviceMemoryBytes: others.length === 0 ? memoryOf(only!) : null,
    };
  } catch {
    return unknown;
  }
}

/** What Windows states of Intel's chips, and macOS of Apple's, is the host's memory; Linux states an address range. */
function memoryOf({
  model,
  vram,
  vramDynamic,
}: {
  model: string;
  vram: number | null;
  vramDynamic: boolean;
}) {
  const shares = vramDynamic || (/intel/i.test(model) && !/\barc\b.*\b[AB]\d{3}/i.test(model));
  return process.platform !== 'win32' || shares || vram === null || vram <= 0 ? null : vram * 2 ** 20;
}

function silenceAfter(milliseconds: number): Promise<{ controllers: [] }> {
  return new Promise((resolve) => setTimeout(() => resolve({ controllers: [] }), milliseconds).unref());
}

function joinNames(names: readonly string[]): string | null {
  return names.length === 0 ? null : [...new Set(names)].join(' or ');
}
