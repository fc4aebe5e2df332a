import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { RPCHandler } from '@orpc/server/ws';
import type { AnyRouter } from '@orpc/server';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { limits } from '../contract/limits.ts';
import { createCallOptions } from '../shell/call-options.ts';
import { createContentHandler } from '../shell/content.ts';
import type { OpenMedia } from '../shell/content.ts';
import type { Log } from '../shell/log.ts';
import { listRendererFiles } from '../shell/renderer-files.ts';
import { securityHeaders } from '../shell/security-headers.ts';
import { createAccess } from './access.ts';
import type { Refusal } from './access.ts';
import { openUploads } from './uploads.ts';

export interface BrowserFaceOptions {
  readonly router: AnyRouter;
  readonly openMedia: OpenMedia;
  /** Folder of the built renderer. */
  readonly rendererFolder: string;
  /** Where dropped files wait for their import. */
  readonly temporaryFolder: string;
  readonly log: Log;
  /** Address to listen at; the loopback address unless somebody asked for another. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port?: number;
  /** Told of every further address; the one before lets nobody in any more. */
  readonly onNewAddress?: (url: string) => void;
  /** Milliseconds after which the address gets another token. */
  readonly tokenLife?: number;
  /** Milliseconds for the head of a request, and between two bytes of anything. */
  readonly patience?: { readonly headers: number; readonly idle: number };
}

export interface BrowserFace {
  /** Address with the token of now, for the person who started the server. */
  readonly url: string;
  readonly port: number;
  /** Ends every connection and removes what waited for its import. */
  close(): Promise<void>;
}

/** Serves the renderer, views of images, uploads and, over a WebSocket, every call of the contract. */
export async function startBrowserFace(options: BrowserFaceOptions): Promise<BrowserFace> {
  const { router, openMedia, rendererFolder, temporaryFolder, log, host = '127.0.0.1', port = 0 } = options;
  const { headers: headersTimeout, idle } = options.patience ?? limits.server;
  const serveContent = createContentHandler(await listRendererFiles(rendererFolder), openMedia);
  const uploads = await openUploads(temporaryFolder);
  const calls = new RPCHandler(router, createCallOptions(log));
  // A large upload may take as long as it likes, as long as bytes come; silence ends the connection, at any point.
  const server = createServer({
    requestTimeout: 0,
    headersTimeout,
    connectionsCheckingInterval: Math.min(headersTimeout, 5000),
  });
  server.maxConnections = limits.server.connections;
  server.setTimeout(idle);
  server.listen(port, host);
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  const { port: listening } = server.address() as AddressInfo;
  const access = createAccess({ host, port: listening });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = request.url ?? '/';
    const given = /^\/\?token=([\w-]+)$/.exec(target)?.[1];
    if (given !== undefined) {
      const refusal = access.refuseHost(request);
      if (refusal !== null) {
        sendRefusal(response, refusal);
        return;
      }
      const cookie = access.cookieFor(given);
      if (cookie !== null) {
        response.writeHead(303, {
          ...securityHeaders,
          'set-cookie': cookie,
          location: '/',
          'cache-control': 'no-store',
        });
        response.end();
        return;
      }
    }
    const isUpload = target === '/uploads' || target.startsWith('/uploads/');
    const refusal = access.refuse(request, { origin: isUpload ? 'required' : 'if-present' });
    if (refusal !== null) {
      sendRefusal(response, refusal);
      return;
    }
    if (isUpload) {
      const { status, body } = await uploads.handle(request, target);
      sendJson(response, status, body);
      return;
    }
    const ifNoneMatch = request.headers['if-none-match'] ?? null;
    const content = await serveContent({ method: request.method ?? 'GET', target, ifNoneMatch });
    response.writeHead(content.status, content.headers);
    if (content.body === null) response.end();
    else await pipeline(content.body, response);
  };

  server.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // The browser left before the end of a picture: nothing to say, and nobody to say it to.
      if (!response.destroyed) log.error('request-failed', error);
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, null);
    });
  });

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.server.callBytes,
    perMessageDeflate: false,
  });
  server.on('upgrade', (request, socket, head) => {
    const refusal =
      request.url === '/rpc'
        ? access.refuse(request, { origin: 'required' })
        : { status: 404, reason: 'Not found.' };
    if (refusal !== null) {
      refuseUpgrade(socket, refusal.status);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (websocket) => {
      keepAlive(websocket);
      void calls.upgrade(websocket, { context: {} });
    });
  });

  const rotation = setInterval(() => {
    access.rotate();
    options.onNewAddress?.(addressOf());
  }, options.tokenLife ?? limits.server.tokenLife).unref();
  const shown = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host;
  const addressOf = () => `http://${shown}:${listening}/?token=${access.token}`;
  return {
    port: listening,
    get url() {
      return addressOf();
    },
    close: async () => {
      clearInterval(rotation);
      for (const websocket of sockets.clients) websocket.close(1001);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      const patience = setTimeout(() => {
        for (const websocket of sockets.clients) websocket.terminate();
        server.closeAllConnections();
      }, 1000);
      await closed;
      clearTimeout(patience);
      await uploads.close();
    },
  };
}

function keepAlive(websocket: WebSocket): void {
  let alive = true;
  websocket.on('pong', () => (alive = true));
  const timer = setInterval(() => {
    if (alive) websocket.ping();
    else websocket.terminate();
    alive = false;
  }, limits.server.heartbeat);
  websocket.on('close', () => clearInterval(timer));
  // Its end is told by `close`; without a listener, a broken frame would end the server.
  websocket.on('error', () => websocket.terminate());
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function sendRefusal(response: ServerResponse, { status, reason }: Refusal): void {
  response.writeHead(status, {
    ...securityHeaders,
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(`${reason}\n`);
}

function sendJson(response: ServerResponse, status: number, body: object | null): void {
  const headers = { ...securityHeaders, 'cache-control': 'no-store' };
  if (body === null) {
    response.writeHead(status, headers).end();
    return;
  }
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
}
