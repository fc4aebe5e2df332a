import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { measureDeviceMemory } from './device-memory.ts';
import { findCudaDevice, parseOpenedDevice, readAmdMemory } from './device-name.ts';
import { measureDrmMemory, parseFdinfo } from './drm-memory.ts';
import { parseGpus, parseMonitor, parseUses } from './nvidia-smi.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-memory-'));
const tool = path.join(folder, 'nvidia-smi');
const mebibyte = 2 ** 20;

afterEach(() => vi.unstubAllEnvs());
afterAll(() => rmSync(folder, { recursive: true }));

describe("NVIDIA's tool", () => {
  const first = 'GPU-8f6f9b3e-1c1d-0f7e-3a46-0a4f0d3b1c55';
  const second = 'GPU-2b0d6f6a-7a0b-5a4e-9d3a-9f6c3e7d1b20';

  it('names GPUs, whatever is in a name', () => {
    const text = `${first}, NVIDIA GeForce RTX 4060 Laptop GPU, 8188\n${second}, Quadro T1000, Mobile, [N/A]\n\n`;
    expect(parseGpus(text)).toEqual([
      { uuid: first, name: 'NVIDIA GeForce RTX 4060 Laptop GPU', memoryBytes: 8188 * mebibyte },
      { uuid: second, name: 'Quadro T1000, Mobile', memoryBytes: null },
    ]);
    expect(parseGpus('NVIDIA-SMI has failed because it could not communicate with the driver.\n')).toEqual(
      [],
    );
  });

  it('tells who computes', () => {
    expect(parseUses(`${first}, 4242, 6012\n${first}, 77, [N/A]\n`)).toEqual([
      { uuid: first, pid: 4242, bytes: 6012 * mebibyte },
      { uuid: first, pid: 77, bytes: null },
    ]);
    expect(parseUses('No devices were found\n')).toEqual([]);
  });

  it('tells who draws, in a table of its own', () => {
    const table = [
      '# gpu         pid   type     fb   ccpm    command ',
      '# Idx           #    C/G     MB     MB    name ',
      '    0       1622     G     81      0    Xorg           ',
      '    0       4242   C+G   5121      0    node           ',
      '    1       4242     C     12      0    node           ',
      '    1          -     -      -      -    -              ',
    ].join('\n');
    expect(parseMonitor(table, 4242)).toBe(5133 * mebibyte);
    expect(parseMonitor(table, 4)).toBeNull();
    expect(parseMonitor('Not supported on the device(s)\n', 4242)).toBeNull();
  });

  describe('on the PATH', () => {
    beforeAll(() => {
      const answers = [
        ['--query-gpu=uuid,name,memory.total', `${first}, Tesla T4, 15360\n${second}, NVIDIA A2, 15356`],
        [
          '--query-compute-apps=gpu_uuid,pid,used_gpu_memory',
          `${second}, ${process.pid}, 300\n${second}, 1, 9`,
        ],
        ['pmon', `# gpu pid type fb ccpm command\n 0 5 G 40 0 node`],
      ];
      const cases = answers.map(([argument, text]) => `${argument}) printf '%s\\n' '${text}';;`).join('\n');
      writeFileSync(tool, `#!/bin/sh\ncase "$1" in\n${cases}\n*) exit 6;;\nesac\n`);
      chmodSync(tool, 0o755);
    });

    it('measures a process that computes, one that draws, and none', async () => {
      vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
      expect(await measureDeviceMemory(process.pid)).toBe(300 * mebibyte);
      expect(await measureDeviceMemory(5)).toBe(40 * mebibyte);
      expect(await measureDeviceMemory(2 ** 30)).toBeNull();
    });

    it('says on which of several GPUs a process is', async () => {
      vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
      expect(await findCudaDevice(process.pid)).toEqual({
        device: 'NVIDIA A2',
        deviceMemoryBytes: 15356 * mebibyte,
      });
      expect(await findCudaDevice(2 ** 30)).toEqual({
        device: 'Tesla T4 or NVIDIA A2',
        deviceMemoryBytes: null,
      });
    });
  });

  it('is not missed where there is none', async () => {
    vi.stubEnv('PATH', path.join(folder, 'nowhere'));
    expect(await measureDeviceMemory(process.pid)).toBeNull();
    expect(await findCudaDevice(process.pid)).toEqual({ device: null, deviceMemoryBytes: null });
  });
});

describe('the Linux kernel', () => {
  const head = (driver: string, client: number, pdev = '0000:03:00.0') =>
    `pos:\t0\nflags:\t02100002\nmnt_id:\t26\nino:\t1124\ndrm-driver:\t${driver}\ndrm-client-id:\t${client}\ndrm-pdev:\t${pdev}\n`;

  it('counts video memory of amdgpu, once where it has two names', () => {
    const text = `${head('amdgpu', 75)}pasid:\t32770\ndrm-memory-vram:\t5242880 KiB\ndrm-memory-gtt: \t9216 KiB\ndrm-memory-cpu: \t0 KiB\ndrm-total-vram:\t6291456 KiB\ndrm-resident-vram:\t5242880 KiB\ndrm-engine-compute:\t61013 ns\n`;
    expect(parseFdinfo(text)?.bytes).toBe(5 * 2 ** 30);
  });

  it("counts local memory of Intel's two drivers", () => {
    const i915 = `${head('i915', 12)}drm-total-system0:\t129 MiB\ndrm-resident-system0:\t100 MiB\ndrm-total-local0:\t2 GiB\ndrm-shared-local0:\t0\ndrm-resident-local0:\t1536 MiB\n`;
    expect(parseFdinfo(i915)?.bytes).toBe(1536 * mebibyte);
    const xe = `${head('xe', 9)}drm-total-vram0:\t23992 KiB\ndrm-shared-vram0:\t16 MiB\ndrm-active-vram0:\t0\ndrm-resident-vram0:\t23992 KiB\ndrm-resident-vram1:\t8 KiB\n`;
    expect(parseFdinfo(xe)?.bytes).toBe(24_000 * 1024);
  });

  it('knows nothing of a file, or of a chip that uses the host memory', () => {
    expect(parseFdinfo('pos:\t0\nflags:\t0100002\nmnt_id:\t26\nino:\t1124\n')).toBeNull();
    expect(parseFdinfo(`${head('i915', 3)}drm-resident-system0:\t100 MiB\n`)).toBeNull();
  });

  it('counts a client once, however many descriptors it has', async () => {
    const fdinfo = path.join(folder, 'proc', '4242', 'fdinfo');
    mkdirSync(fdinfo, { recursive: true });
    const client = (id: number, kibibytes: number) =>
      `${head('amdgpu', id)}drm-memory-vram:\t${kibibytes} KiB\n`;
    writeFileSync(path.join(fdinfo, '0'), 'pos:\t0\nflags:\t0100002\n');
    writeFileSync(path.join(fdinfo, '21'), client(75, 1000));
    writeFileSync(path.join(fdinfo, '22'), client(75, 1000));
    writeFileSync(path.join(fdinfo, '23'), client(76, 24));
    expect(await measureDrmMemory(4242, path.join(folder, 'proc'))).toBe(1024 * 1024);
    expect(await measureDrmMemory(4243, path.join(folder, 'proc'))).toBeNull();
  });

  it("tells an AMD card's memory, unless it is a share of the host's or there are two", async () => {
    const drm = path.join(folder, 'drm');
    const card = (name: string, vendor: string, bytes: number) => {
      mkdirSync(path.join(drm, name, 'device'), { recursive: true });
      writeFileSync(path.join(drm, name, 'device', 'vendor'), `${vendor}\n`);
      writeFileSync(path.join(drm, name, 'device', 'mem_info_vram_total'), `${bytes}\n`);
    };
    expect(await readAmdMemory(drm)).toBeNull();
    card('card0', '0x8086', 9e9);
    card('card1', '0x1002', 536_870_912);
    expect(await readAmdMemory(drm)).toBeNull();
    card('card1', '0x1002', 17_163_091_968);
    expect(await readAmdMemory(drm)).toBe(17_163_091_968);
    card('card2', '0x1002', 17_163_091_968);
    expect(await readAmdMemory(drm)).toBeNull();
  });
});

it('the Vulkan loader tells which device was opened last', () => {
  const log = [
    '[Vulkan Loader] INFO | DRIVER:             [0] NVIDIA GeForce RTX 4060',
    '[Vulkan Loader] DRIVER:         vkCreateDevice layer callstack setup to:',
    '[Vulkan Loader] DRIVER:                Using "llvmpipe (LLVM 15.0.7, 256 bits)" with driver: "/usr/lib/libvulkan_lvp.so"',
    'DRIVER | LAYER:          Using "NVIDIA GeForce RTX 4060" with driver: "libGLX_nvidia.so.0"',
    '',
  ].join('\n');
  expect(parseOpenedDevice(log)).toBe('NVIDIA GeForce RTX 4060');
  expect(parseOpenedDevice('something else\n')).toBeNull();
});
