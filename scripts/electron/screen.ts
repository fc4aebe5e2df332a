import { spawn } from 'node:child_process';

export interface Screen {
  /** Value of DISPLAY. */
  readonly display: string;
  readonly stop: () => void;
}

/**
 * The screen of the session, or one in memory.
 *
 * @throws Error when there is neither
 */
export async function startScreen(): Promise<Screen> {
  const present = process.env['DISPLAY'];
  if (process.platform !== 'linux' || (present !== undefined && present !== ''))
    return { display: present ?? '', stop: () => undefined };
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await new Promise<string>((resolve, reject) => {
    server.once('error', () =>
      reject(new Error('There is no screen, and no Xvfb: install it (Debian: xvfb).')),
    );
    server.once('exit', (code) => reject(new Error(`Xvfb ended with exit code ${code}.`)));
    server.stdio[3]!.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
  });
  return { display: `:${number}`, stop: () => server.kill() };
}
