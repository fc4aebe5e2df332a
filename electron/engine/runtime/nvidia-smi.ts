import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A GPU as NVIDIA's own tool describes it. */
export interface NvidiaGpu {
  readonly uuid: string;
  readonly name: string;
  readonly memoryBytes: number | null;
}

/** What one process uses of one GPU. */
export interface GpuUse {
  readonly uuid: string;
  readonly pid: number;
  /** null when the driver does not report it, as under Windows' own memory manager. */
  readonly bytes: number | null;
}

/** How long the tool may take, milliseconds; a driver that is starting takes seconds. */
const patience = 10_000;
const mebibyte = 2 ** 20;

/** The machine's NVIDIA GPUs in the tool's order; empty without a GPU or without the tool. */
export async function listNvidiaGpus(): Promise<NvidiaGpu[]> {
  return parseGpus(await ask(['--query-gpu=uuid,name,memory.total', '--format=csv,noheader,nounits']));
}

/** Which processes use the GPUs; those that draw are listed by `pmon` only. */
export async function listGpuUses(): Promise<GpuUse[]> {
  const query = '--query-compute-apps=gpu_uuid,pid,used_gpu_memory';
  return parseUses(await ask([query, '--format=csv,noheader,nounits']));
}

/** Of one process, bytes over all GPUs, computing or drawing; null when it uses none, or when unknown. */
export async function measureNvidiaMemory(pid: number): Promise<number | null> {
  const uses = (await listGpuUses()).filter((use) => use.pid === pid);
  const known = uses.flatMap(({ bytes }) => bytes ?? []);
  if (known.length > 0) return known.reduce((sum, bytes) => sum + bytes, 0);
  return parseMonitor(await ask(['pmon', '-c', '1', '-s', 'm']), pid);
}

/** Lines of `uuid, name, MiB`. */
export function parseGpus(text: string): NvidiaGpu[] {
  return rowsOf(text).flatMap((cells) => {
    // A name may hold a comma; the first and the last cell do not.
    const [uuid, memory] = [cells[0], cells.at(-1)];
    if (cells.length < 3 || uuid === undefined || !uuid.startsWith('GPU-')) return [];
    return [{ uuid, name: cells.slice(1, -1).join(', '), memoryBytes: mebibytes(memory) }];
  });
}

/** Lines of `uuid, pid, MiB`, the last of which is `[N/A]` where it is not known. */
export function parseUses(text: string): GpuUse[] {
  return rowsOf(text).flatMap(([uuid = '', pid, memory]) =>
    uuid.startsWith('GPU-') && /^\d+$/.test(pid ?? '')
      ? [{ uuid, pid: Number(pid), bytes: mebibytes(memory) }]
      : [],
  );
}

/** The table of `nvidia-smi pmon -s m`, whose columns its first line names. */
export function parseMonitor(text: string, pid: number): number | null {
  const lines = text.split('\n');
  const columns =
    lines
      .find((line) => line.startsWith('#'))
      ?.replace('#', ' ')
      .trim()
      .split(/\s+/) ?? [];
  const [pidColumn, memoryColumn] = [columns.indexOf('pid'), columns.indexOf('fb')];
  if (pidColumn === -1 || memoryColumn === -1) return null;
  const known = lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[pidColumn] === String(pid))
    .flatMap((cells) => mebibytes(cells[memoryColumn]) ?? []);
  return known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0);
}

function rowsOf(text: string): string[][] {
  return text.split('\n').map((line) => line.split(',').map((cell) => cell.trim()));
}

function mebibytes(cell: string | undefined): number | null {
  return cell !== undefined && /^\d+$/.test(cell) ? Number(cell) * mebibyte : null;
}

/** What the tool prints; nothing when it is missing, fails or takes too long. */
async function ask(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', args, {
      timeout: patience,
      windowsHide: true,
    });
    return stdout;
  } catch {
    return '';
  }
}
