import { Readable } from 'node:stream';
import { protocol } from 'electron';
import type { Session } from 'electron';
import type { ContentHandler } from '../../shell/content.ts';
import type { Log } from '../../shell/log.ts';

export const appScheme = 'app';
/** Origin of every page of ours. */
export const appOrigin = `${appScheme}://fundus-lens`;
export const appUrl = `${appOrigin}/`;

/** Must run before the app is ready. The scheme gets an origin and `fetch`, and no way around any policy. */
export function declareAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: appScheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, bypassCSP: false },
    },
  ]);
}

/**
 * Serves our scheme to one session, and closes every other way to load something: `file:`, the network, and what a
 * page could name itself. Only `data:` and `blob:`, which a page makes of what it already has, pass.
 */
export function serveAppScheme(session: Session, serveContent: ContentHandler, log: Log): void {
  session.protocol.handle(appScheme, async (request) => {
    try {
      const url = new URL(request.url);
      if (url.host !== new URL(appUrl).host) return new Response(null, { status: 404 });
      const { status, headers, body } = await serveContent({
        method: request.method,
        target: `${url.pathname}${url.search}`,
        ifNoneMatch: request.headers.get('if-none-match'),
      });
      const stream = body === null ? null : (Readable.toWeb(body) as ReadableStream<Uint8Array>);
      return new Response(stream, { status, headers });
    } catch (error) {
      log.error('content-failed', error);
      return new Response(null, { status: 500 });
    }
  });
  session.webRequest.onBeforeRequest(({ url }, decide) => {
    decide({ cancel: !/^(app|data|blob|devtools):/.test(url) });
  });
}
