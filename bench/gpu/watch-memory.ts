import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Watches the memory in use of the machine's first NVIDIA GPU while something runs. What computes and what draws counts the same;
 * what others hold is taken off, by what was in use before.
 *
 * @returns most bytes in use above the start; null without the tool
 */
export async function watchMemory<T>(
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly bytes: number | null }> {
  const query = ['-i', '0', '--query-gpu=memory.used', '--format=csv,noheader,nounits', '-lms', '100'];
  const tool = spawn('nvidia-smi', query, { stdio: ['ignore', 'pipe', 'ignore'] });
  const seen: number[] = [];
  createInterface({ input: tool.stdout }).on('line', (line) => {
    const mebibytes = Number(line);
    if (Number.isFinite(mebibytes)) seen.push(mebibytes);
  });
  const hasTool = await new Promise<boolean>((resolve) => {
    tool.once('error', () => resolve(false));
    tool.stdout.once('data', () => resolve(true));
    tool.once('exit', () => resolve(false));
  });
  try {
    const result = await run();
    return { result, bytes: hasTool && seen.length > 0 ? (Math.max(...seen) - seen[0]!) * 2 ** 20 : null };
  } finally {
    tool.kill();
  }
}
