import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openUploads } from './uploads.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'загрузки '));
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** What the handler reads of a request: its method and its bytes. */
function request(method: string, body = ''): IncomingMessage {
  return Object.assign(Readable.from([Buffer.from(body)]), { method }) as unknown as IncomingMessage;
}

const rootOf = () => join(folder, readdirSync(folder)[0]!);

describe('uploads of a server that is up for days', () => {
  it('keeps its folder young, so that nobody takes it for one that a crash left', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const uploads = await openUploads(folder);
    const old = new Date(Date.now() - 48 * 3_600_000);
    utimesSync(rootOf(), old, old);
    await vi.advanceTimersByTimeAsync(3_600_000);
    await vi.waitFor(() => expect(Date.now() - statSync(rootOf()).mtimeMs).toBeLessThan(60_000));
    await uploads.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes nothing where the library was before it was moved', async () => {
    const library = join(folder, 'library');
    const uploads = await openUploads(join(library, 'temporary'));
    renameSync(library, join(folder, 'moved'));
    expect((await uploads.handle(request('POST'), '/uploads')).status).toBe(503);
    expect(readdirSync(folder)).toEqual(['moved']);
    await uploads.close();
  });

  it('makes the folder again where somebody has removed it', async () => {
    const uploads = await openUploads(folder);
    rmSync(rootOf(), { recursive: true });
    const { status, body } = await uploads.handle(request('POST'), '/uploads');
    expect(status).toBe(201);
    const stored = await uploads.handle(request('PUT', 'data'), `/uploads/${body!['id']!}/a/b.jpg`);
    expect(stored.status).toBe(201);
    expect(readFileSync(join(body!['folder']!, 'a', 'b.jpg'), 'utf8')).toBe('data');
    await uploads.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('gives up drops that nobody uses any more, the longest unused first, instead of taking none', async () => {
    let now = 0;
    const uploads = await openUploads(folder, { now: () => now });
    const post = async () => {
      const { status, body } = await uploads.handle(request('POST'), '/uploads');
      return { status, id: body?.['id'] };
    };
    const first = await post();
    for (let i = 1; i < 64; i++) {
      now += 1;
      expect((await post()).status).toBe(201);
    }
    expect((await post()).status).toBe(429);
    now += 3_600_000;
    // Used again, and therefore not the one that goes.
    await uploads.handle(request('PUT', 'data'), `/uploads/${first.id!}/a.jpg`);
    now += 1;
    expect((await post()).status).toBe(201);
    expect(readdirSync(rootOf())).toHaveLength(64);
    expect(readdirSync(join(rootOf(), first.id!))).toEqual(['a.jpg']);
    await uploads.close();
  });
});
