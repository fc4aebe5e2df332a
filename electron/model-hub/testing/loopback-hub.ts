/** A hub for tests, on loopback: serves a checkpoint folder as the real one does, and misbehaves on request. */

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { sendContent } from './send-content.ts';
import type { Fault as AnyFault } from './send-content.ts';

export type Fault = AnyFault<SeenRequest>;

export interface SeenRequest {
  /** File name for a file, `api` for the description of the repository. */
  readonly file: string;
  readonly range: string | null;
  readonly authorization: string | null;
  readonly host: string;
}

export const repository = 'someone/Qwen2.5-VL-Tiny';
export const commit = '0123456789abcdef0123456789abcdef01234567';
/** Files from here on are stored as the hub stores large files, on another host. */
const lfsBytes = 100_000;

export class LoopbackHub {
  readonly seen: SeenRequest[] = [];
  readonly faults: Fault[] = [];
  readonly files = new Map<string, Buffer>();
  /** Bytes of files that were sent. */
  sentBytes = 0;
  /** Only requests with this token are answered. */
  token: string | null = null;
  readonly #hub: Server = createServer((request, response) => void this.#answer(request, response, false));
  /** Where the hub sends us for large files. */
  readonly #store: Server = createServer((request, response) => void this.#answer(request, response, true));

  static async start(checkpoint: string): Promise<LoopbackHub> {
    const hub = new LoopbackHub();
    for (const name of readdirSync(checkpoint))
      hub.files.set(name, readFileSync(path.join(checkpoint, name)));
    hub.files.set('README.md', Buffer.from('# A tiny model\n'));
    hub.files.set('.gitattributes', Buffer.from('*.safetensors filter=lfs\n'));
    for (const server of [hub.#hub, hub.#store]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${portOf(this.#hub)}`;
  }

  get weights(): Buffer {
    return this.files.get('model.safetensors')!;
  }

  sha256Of(name: string): string {
    return createHash('sha256').update(this.files.get(name)!).digest('hex');
  }

  /** Forgets what was seen and how to misbehave. */
  reset(): void {
    this.seen.length = 0;
    this.faults.length = 0;
    this.sentBytes = 0;
    this.token = null;
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, isStore: boolean): Promise<void> {
    const url = new URL(request.url!, 'http://127.0.0.1');
    const file = url.pathname.startsWith('/api/')
      ? 'api'
      : decodeURIComponent(url.pathname.split('/').at(-1)!);
    const { range = null, authorization = null, host = '' } = request.headers;
    const seen = { file, range, authorization, host };
    const goesOn = !isStore && file !== 'api' && (this.files.get(file)?.length ?? 0) >= lfsBytes;
    this.seen.push(seen);
    const fault = goesOn ? undefined : this.#takeFault(seen);
    await fault?.before?.();
    if (fault?.status !== undefined) {
      response
        .writeHead(fault.status, { 'content-type': 'text/plain', ...fault.headers })
        .end(fault.body ?? '');
      return;
    }
    if (!isStore && this.token !== null && authorization !== `Bearer ${this.token}`) {
      response
        .writeHead(401, { 'x-error-code': 'GatedRepo', 'x-error-message': 'Access is restricted.' })
        .end();
      return;
    }
    if (file === 'api') {
      this.#describe(url, response);
      return;
    }
    const content = this.files.get(file);
    if (content === undefined || (!isStore && !url.pathname.includes(`/resolve/${commit}/`))) {
      response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end('Entry not found');
      return;
    }
    if (goesOn) {
      response.writeHead(302, { location: `http://localhost:${portOf(this.#store)}/blobs/${file}` }).end();
      return;
    }
    this.sentBytes += sendContent(content, range, response, fault);
  }

  #describe(url: URL, response: ServerResponse): void {
    if (!url.pathname.includes(`/${repository}/`)) {
      response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end('{"error":"Repository not found"}');
      return;
    }
    if (!/\/revision\/(main|v1|0123456789abcdef0123456789abcdef01234567)$/.test(url.pathname)) {
      response.writeHead(404, { 'x-error-code': 'RevisionNotFound' }).end('{"error":"Invalid rev id"}');
      return;
    }
    const siblings = [...this.files].map(([rfilename, content]) => {
      const size = content.length;
      const isLarge = size >= lfsBytes;
      const blobId = createHash('sha1')
        .update(isLarge ? `pointer to ${rfilename}` : `blob ${size}\0`)
        .update(isLarge ? '' : content)
        .digest('hex');
      const lfs = { sha256: createHash('sha256').update(content).digest('hex'), size, pointerSize: 132 };
      return { rfilename, size, blobId, ...(isLarge ? { lfs } : {}) };
    });
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify({ id: repository, sha: commit, siblings }));
  }

  #takeFault(seen: SeenRequest): Fault | undefined {
    const fault = this.faults.find(({ when, times = 1 }) => times > 0 && (when?.(seen) ?? true));
    if (fault?.times !== undefined) fault.times -= 1;
    return fault;
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
