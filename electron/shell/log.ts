import { appendFileSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FundusLensError } from '../contract/errors.ts';

/**
 * The log of a face: one JSON object per line. It names events, codes and places in the program, and never what a
 * person or a file is called, so that it can be sent to us as it is.
 */
export interface Log {
  readonly folder: string;
  info(event: string, details?: Readonly<Record<string, number | boolean>>): void;
  error(event: string, error: unknown): void;
}

/** Bytes after which the log begins anew; the one before is kept. */
const rotateAt = 2 * 1024 * 1024;

export function openLog(folder: string): Log {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'fundus-lens.log');
  if (existsSync(file) && statSync(file).size > rotateAt) renameSync(file, join(folder, 'fundus-lens.1.log'));
  const write = (line: Readonly<Record<string, unknown>>) => {
    try {
      appendFileSync(file, `${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
    } catch {
      // A full disk or a folder that is gone must not stop the app; there is nowhere left to say it.
    }
  };
  return {
    folder,
    info: (event, details = {}) => write({ level: 'info', event, ...details }),
    error: (event, error) => write({ level: 'error', event, ...describeError(error) }),
  };
}

/**
 * What may be known of an error outside: its class, code and place. A text of ours names files and persons in its
 * details, so only the code is kept; in a text of others everything quoted and every path is left out.
 */
export function describeError(error: unknown): Readonly<Record<string, unknown>> {
  if (!(error instanceof Error)) return { name: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const at = [...(error.stack ?? '').matchAll(/([\w.-]+\.[cm]?[jt]s:\d+:\d+)\)?$/gm)]
    .slice(0, 8)
    .map(([, place]) => place!);
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  const message = error instanceof FundusLensError ? {} : { message: withoutNames(error.message) };
  return { name: error.name, ...code, ...message, at, ...cause };
}

function withoutNames(message: string): string {
  return message
    .replace(/(["'`«“]).*?(["'`»”])/gs, '…')
    .replace(/\S*[/\\]\S.*$/gm, '…')
    .slice(0, 300);
}
