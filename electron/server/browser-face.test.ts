import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import type { IncomingHttpHeaders, RequestOptions } from 'node:http';
import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/websocket';
import { eventIterator, oc } from '@orpc/contract';
import { implement } from '@orpc/server';
import type { RouterClient } from '@orpc/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { openLog } from '../shell/log.ts';
import { startBrowserFace } from './browser-face.ts';
import type { BrowserFace } from './browser-face.ts';
import { writeRedirect } from './redirect-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'fundus-lens-server-'));
const rendererFolder = join(folder, 'renderer');
const secret = join(folder, 'secret.js');
mkdirSync(join(rendererFolder, 'assets'), { recursive: true });
writeFileSync(secret, 'secret');
writeFileSync(join(rendererFolder, 'index.html'), '<!doctype html><title>Fundus Lens</title>');
writeFileSync(join(rendererFolder, 'assets', 'app-1a2b.js'), 'export {};');
writeFileSync(join(rendererFolder, 'notes.private'), 'a type that no build makes');
symlinkSync(secret, join(rendererFolder, 'assets', 'link.js'));
symlinkSync(folder, join(rendererFolder, 'outside'));

const contract = {
  double: oc.input(z.strictObject({ number: z.int() })).output(z.int()),
  fail: oc.output(z.int()),
  count: oc.input(z.strictObject({ to: z.int() })).output(eventIterator(z.int())),
};
const os = implement(contract);
const router = {
  double: os.double.handler(({ input }) => 2 * input.number),
  fail: os.fail.handler(() => {
    throw new TypeError('cannot open "/home/иванов/Иванов.dcm"');
  }),
  count: os.count.handler(async function* ({ input }) {
    for (let number = 1; number <= input.to; number++) yield await Promise.resolve(number);
  }),
};

const log = openLog(join(folder, 'logs'));
let face: BrowserFace;
let token: string;
let cookie: string;

beforeAll(async () => {
  face = await startBrowserFace({
    router,
    openMedia: (id, view) =>
      Promise.resolve(
        id === 7 && view === 'thumbnail'
          ? { bytes: Uint8Array.from(Buffer.from('webp')), contentType: 'image/webp', etag: '"abc"' }
          : null,
      ),
    rendererFolder,
    temporaryFolder: join(folder, 'temporary'),
    log,
  });
  token = new URL(face.url).searchParams.get('token')!;
  const { headers } = await get(`/?token=${token}`);
  cookie = headers['set-cookie']![0]!.split(';')[0]!;
});
afterAll(async () => {
  await face.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request whose path is sent as it is written: `fetch` would tidy it up before the server sees it. */
function get(path: string, options: RequestOptions = {}, body: string | null = null): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: face.port, path, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}

const known = (headers: Record<string, string> = {}): RequestOptions => ({ headers: { cookie, ...headers } });
const origin = () => `http://127.0.0.1:${face.port}`;

function open(headers: Record<string, string>, path = '/rpc'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${face.port}${path}`, { headers });
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(socket));
    socket.once('unexpected-response', (_request, { statusCode }) => reject(new Error(String(statusCode))));
    socket.once('error', reject);
  });
}

describe('the printed address', () => {
  test('gives a cookie that scripts and other sites cannot use, and leaves the address bar', async () => {
    const { status, headers } = await get(`/?token=${token}`);
    expect(status).toBe(303);
    expect(headers.location).toBe('/');
    expect(headers['set-cookie']![0]).toMatch(/; HttpOnly; SameSite=Strict$/);
  });

  test('without the token, or with a wrong one, nothing is served', async () => {
    for (const path of [
      '/',
      '/?token=wrong',
      `/?token=${token.slice(1)}`,
      '/assets/app-1a2b.js',
      '/uploads',
    ]) {
      expect(await get(path)).toMatchObject({ status: path === '/uploads' ? 403 : 401 });
    }
    expect(await get('/', known({ cookie: `fundus-lens-${face.port}=wrong` }))).toMatchObject({
      status: 401,
    });
  });

  test('changes after its time, and is told', async () => {
    const told: string[] = [];
    const other = await startBrowserFace({
      ...{ router, openMedia: () => Promise.resolve(null), rendererFolder, log },
      temporaryFolder: join(folder, 'temporary 2'),
      tokenLife: 100,
      onNewAddress: (url) => told.push(url),
    });
    try {
      const first = other.url;
      await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(0);
      expect(told).not.toContain(first);
      expect((await fetch(first, { redirect: 'manual' })).status).toBe(401);
    } finally {
      await other.close();
    }
  });

  test('listens at the loopback address only', () => {
    expect(face.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
  });
});

describe('Host and Origin', () => {
  test.each([
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    '127.0.0.1:1',
    'localhost',
    '10.0.0.1',
  ])('host %s is refused, even with the token', async (host) => {
    expect(await get('/', known({ host }))).toMatchObject({ status: 421 });
    expect(await get(`/?token=${token}`, { headers: { host } })).toMatchObject({ status: 421 });
    await expect(open({ cookie, origin: origin(), host })).rejects.toThrow('421');
  });

  test('another page is refused, even with the cookie', async () => {
    const port = String(face.port);
    for (const foreign of [
      'http://evil.example',
      'null',
      `https://127.0.0.1:${port}`,
      'http://127.0.0.1:1',
    ]) {
      expect(await get('/', known({ origin: foreign }))).toMatchObject({ status: 403 });
      await expect(open({ cookie, origin: foreign })).rejects.toThrow('403');
    }
    expect(await get('/', known({ 'sec-fetch-site': 'cross-site' }))).toMatchObject({ status: 403 });
    expect(await get('/', known({ 'sec-fetch-site': 'same-site' }))).toMatchObject({ status: 403 });
  });

  test('localhost is us too', async () => {
    expect(await get('/', known({ host: `localhost:${face.port}` }))).toMatchObject({ status: 200 });
  });
});

describe('files', () => {
  test('the page comes with a strict policy', async () => {
    const { status, headers, body } = await get('/', known());
    expect(status).toBe(200);
    expect(body).toContain('Fundus Lens');
    const policy = headers['content-security-policy'] as string;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe|https?:|\*/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
  });

  test('refusals carry the policy too', async () => {
    for (const answer of [
      await get('/'),
      await get('/none', known()),
      await get('/', known({ host: 'evil' })),
    ]) {
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    }
  });

  test('an unchanged file is not sent again', async () => {
    const { headers } = await get('/assets/app-1a2b.js', known());
    expect(headers['cache-control']).toContain('immutable');
    const again = await get('/assets/app-1a2b.js', known({ 'if-none-match': headers.etag! }));
    expect(again).toMatchObject({ status: 304, body: '' });
  });

  test.each([
    '/../secret.js',
    '/assets/../../secret.js',
    '/assets/..%2f..%2fsecret.js',
    '/%2e%2e/secret.js',
    '/%2e%2e%2fsecret.js',
    '/..%5csecret.js',
    '/..\\secret.js',
    '//etc/passwd',
    '/etc/passwd',
    'file:///etc/passwd',
    '/assets/link.js',
    '/outside/secret.js',
    '/notes.private',
    '/assets',
    '/assets/',
    '/index.html%00.js',
    '/assets/app-1a2b.js/',
    '/media/image/7/../../../secret.js',
    '/media/image/7/%2e%2e',
    '/media/image/07/thumbnail',
    '/media/image/-7/thumbnail',
    '/media/image/7e0/thumbnail',
    '/media/image/8/thumbnail',
    '/media/image/7/original.dcm',
    '/media/image/99999999999999999999/thumbnail',
  ])('%s does not exist', async (path) => {
    const { status, body } = await get(path, known());
    expect(status).toBe(404);
    expect(body).not.toContain('secret');
  });

  test('only reading', async () => {
    expect(await get('/', { ...known(), method: 'POST' })).toMatchObject({ status: 405 });
    expect(await get('/', { ...known(), method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
  });

  test('views of images, for ever where the address has a version', async () => {
    const view = await get('/media/image/7/thumbnail', known());
    expect(view).toMatchObject({ status: 200, body: 'webp' });
    expect(view.headers).toMatchObject({
      'content-type': 'image/webp',
      etag: '"abc"',
      'cache-control': 'private, no-cache',
    });
    expect((await get('/media/image/7/thumbnail?v=abc', known())).headers['cache-control']).toContain(
      'immutable',
    );
    expect(await get('/media/image/7/thumbnail', known({ 'if-none-match': '"abc"' }))).toMatchObject({
      status: 304,
    });
  });
});

describe('calls', () => {
  const link = async () => {
    const websocket = await open({ cookie, origin: origin() });
    const client: RouterClient<typeof router> = createORPCClient(
      new RPCLink({ websocket: websocket as unknown as globalThis.WebSocket }),
    );
    return { client, websocket };
  };

  test('are answered over the WebSocket, streams included', async () => {
    const { client, websocket } = await link();
    expect(await client.double({ number: 21 })).toBe(42);
    const seen: number[] = [];
    for await (const number of await client.count({ to: 3 })) seen.push(number);
    expect(seen).toEqual([1, 2, 3]);
    websocket.close();
  });

  test('a payload that breaks the schema and an unknown call are refused', async () => {
    const { client, websocket } = await link();
    await expect(client.double({ number: 0.5 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await expect(client.double({ number: 1, more: 2 } as { number: number })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    const unknown = (client as unknown as Record<string, () => Promise<unknown>>)['no-such-call']!;
    await expect(unknown()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    websocket.close();
  });

  test('a defect is logged without the names that it carries', async () => {
    const { client, websocket } = await link();
    await expect(client.fail()).rejects.toMatchObject({ code: 'INTERNAL_SERVER_ERROR' });
    const written = readFileSync(join(log.folder, 'fundus-lens.log'), 'utf8');
    expect(written).toContain('call-failed');
    expect(written).toContain('browser-face.test.ts');
    expect(written.toLowerCase()).not.toContain('иванов');
    websocket.close();
  });

  test('need the token, the path and an Origin', async () => {
    await expect(open({ origin: origin() })).rejects.toThrow('401');
    await expect(open({ cookie })).rejects.toThrow('403');
    await expect(open({ cookie, origin: origin() }, '/other')).rejects.toThrow('404');
  });

  test('a broken frame ends its connection and nothing else', async () => {
    const websocket = await open({ cookie, origin: origin() });
    const closed = new Promise((resolve) => websocket.once('close', resolve));
    (websocket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0xff, 0xff, 0xff]),
    );
    await closed;
    const { client, websocket: other } = await link();
    expect(await client.double({ number: 1 })).toBe(2);
    other.close();
  });
});

describe('uploads', () => {
  const post = () => get('/uploads', { ...known({ origin: origin() }), method: 'POST' });
  const put = (path: string, body = 'bytes') =>
    get(path, { ...known({ origin: origin() }), method: 'PUT' }, body);

  test('a dropped folder is written as it was, whatever its names', async () => {
    const drop = JSON.parse((await post()).body) as { id: string; folder: string };
    const name = encodeURIComponent('Снимок №1 (OD).jpg');
    expect(await put(`/uploads/${drop.id}/${encodeURIComponent('Пациент 1')}/${name}`)).toMatchObject({
      status: 201,
    });
    expect(readFileSync(join(drop.folder, 'Пациент 1', 'Снимок №1 (OD).jpg'), 'utf8')).toBe('bytes');
    expect(await put(`/uploads/${drop.id}/${encodeURIComponent('Пациент 1')}/${name}`)).toMatchObject({
      status: 400,
    });
    const removal = { ...known({ origin: origin() }), method: 'DELETE' };
    expect(await get(`/uploads/${drop.id}`, removal)).toMatchObject({ status: 204 });
    expect(await put(`/uploads/${drop.id}/x`)).toMatchObject({ status: 404 });
  });

  test.each(['..', '%2e%2e%2fx', '..%2fx', 'a/../x', 'a%5cx', 'c:x', '%00', 'a//b', '%ff', ''])(
    'the name "%s" is refused',
    async (name) => {
      const { id } = JSON.parse((await post()).body) as { id: string };
      expect((await put(`/uploads/${id}/${name}`)).status).toBe(400);
    },
  );

  test('need the token and an Origin, and leave nothing behind', async () => {
    expect(await get('/uploads', { headers: { origin: origin() }, method: 'POST' })).toMatchObject({
      status: 401,
    });
    expect(await get('/uploads', { ...known(), method: 'POST' })).toMatchObject({ status: 403 });
    const temporaryFolder = join(folder, 'temporary-2');
    const other = await startBrowserFace({
      router,
      openMedia: () => Promise.resolve(null),
      rendererFolder,
      temporaryFolder,
      log,
    });
    expect(readdirSync(temporaryFolder)).toHaveLength(1);
    await other.close();
    expect(readdirSync(temporaryFolder)).toHaveLength(0);
  });
});

describe('connections that say nothing', () => {
  const hasClosed = (socket: Socket) =>
    new Promise<number>((resolve) => {
      const started = Date.now();
      socket.on('error', () => undefined).on('close', () => resolve(Date.now() - started));
      socket.resume();
    });

  test('are closed, before a request is whole and in the middle of an upload; a slow upload goes on', async () => {
    const impatient = await startBrowserFace({
      router,
      openMedia: () => Promise.resolve(null),
      rendererFolder,
      temporaryFolder: join(folder, 'temporary-3'),
      log,
      patience: { headers: 1500, idle: 4000 },
    });
    const host = `127.0.0.1:${impatient.port}`;
    const first = await fetch(impatient.url, { redirect: 'manual' });
    const ours = first.headers.get('set-cookie')!.split(';')[0]!;
    const headers = { cookie: ours, origin: `http://${host}` };
    const { id } = (await (await fetch(`http://${host}/uploads`, { method: 'POST', headers })).json()) as {
      id: string;
    };
    const half = (text: string) => {
      const socket = connectSocket(impatient.port, '127.0.0.1').on('error', () => undefined);
      socket.write(text);
      return socket;
    };
    const put = (name: string, bytes: number) =>
      `PUT /uploads/${id}/${name} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nCookie: ${ours}\r\nContent-Length: ${bytes}\r\n\r\n`;
    const silent = Array.from({ length: 20 }, () => half('GET / HTTP/1.1\r\nHo'));
    const stalled = half(`${put('stalled.jpg', 100)}some bytes`);
    const slow = half(put('slow.jpg', 6));
    let answer = '';
    slow.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    const feeding = (async () => {
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, 400));
        slow.write('x');
      }
    })();

    const times = await Promise.all([...silent, stalled].map(hasClosed));
    expect(Math.max(...times)).toBeLessThan(15_000);
    await feeding;
    await expect.poll(() => answer).toContain('201');
    slow.destroy();
    await impatient.close();
  }, 30_000);
});

test('the address with its token stands in no command line: a browser is shown a file of our own', () => {
  const url = 'http://127.0.0.1:4417/?token=abc_DEF-123';
  const file = writeRedirect(url);
  expect(file).not.toContain('abc_DEF-123');
  const html = readFileSync(file, 'utf8');
  expect(html).toContain(url);
  if (process.platform !== 'win32') {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
  }
  rmSync(dirname(file), { recursive: true });
});
