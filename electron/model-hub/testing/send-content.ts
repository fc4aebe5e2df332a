/** What the servers of tests have in common. */

import type { ServerResponse } from 'node:http';

/** How a server of a test misbehaves. */
export interface Fault<Request> {
  /** Which requests it befalls; all of them when left out. */
  readonly when?: (request: Request) => boolean;
  /** How often; for ever when left out. */
  times?: number;
  /** Answers with this status and these headers instead. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the connection after that many bytes of the body. */
  readonly cutAfter?: number;
  /** Sends that many bytes of the body and then nothing. */
  readonly stallAfter?: number;
  /** Flips a bit of that byte of the file. */
  readonly flipByte?: number;
  /** Sends the whole file whatever range is asked for. */
  readonly ignoresRange?: boolean;
  /** Runs before the body is sent. */
  readonly before?: () => void | Promise<void>;
}

/** Sends a file, or the range of it that is asked for. @returns bytes that were sent */
export function sendContent(
  whole: Buffer,
  range: string | null,
  response: ServerResponse,
  fault: Omit<Fault<never>, 'when'> | undefined,
): number {
  let content = whole;
  if (fault?.flipByte !== undefined) {
    content = Buffer.from(whole);
    content[fault.flipByte]! ^= 1;
  }
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const ranged = first !== undefined && fault?.ignoresRange !== true;
  const from = ranged ? Number(first) : 0;
  const to = ranged && last !== undefined && last !== '' ? Number(last) + 1 : content.length;
  const body = content.subarray(from, to);
  response.writeHead(ranged ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': body.length,
    ...(ranged ? { 'content-range': `bytes ${from}-${to - 1}/${content.length}` } : {}),
  });
  const part = body.subarray(0, fault?.cutAfter ?? fault?.stallAfter ?? body.length);
  if (fault?.cutAfter !== undefined) response.write(part, () => response.destroy());
  else if (fault?.stallAfter !== undefined) response.write(part);
  else response.end(part);
  return part.length;
}
