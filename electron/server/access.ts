import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { limits } from '../contract/limits.ts';

export interface AccessOptions {
  /** Address that the server listens at. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds after which a browser that asked for nothing has to bring the address again. */
  readonly sessionIdle?: number;
  /** The time, in milliseconds. */
  readonly now?: () => number;
}

export type Refusal = { readonly status: 401 | 403 | 421; readonly reason: string };

/** Decides who may talk to the browser face: whoever was given the address that the start printed. */
export interface Access {
  /** The secret part of the address that was printed last. */
  readonly token: string;
  /** Makes another token; the one before lets nobody in any more, and browsers that are in stay. */
  rotate(): void;
  /**
   * Lets a browser in, with a secret of its own that is not the address's, so that the token leaves the address bar and no
   * cookie outlives a rotation by being the token: null when the token is not right.
   */
  cookieFor(token: string): string | null;
  /** Why a request is refused; null when it may pass. `origin` says whether an Origin header has to be there. */
  refuse(request: IncomingMessage, rules: { readonly origin: 'required' | 'if-present' }): Refusal | null;
  /** Like {@link refuse}, for the printed address itself, which brings its token with it. */
  refuseHost(request: IncomingMessage): Refusal | null;
}

/**
 * Three locks, each for an attack of its own. The Host must be one of ours, or a foreign name that was made to point
 * at this computer (DNS rebinding) could read as if it were us. The Origin must be the page's own, or a page of any
 * site could open a WebSocket. The token must be known, or every program and account of this computer could call.
 */
export function createAccess({
  host,
  port,
  sessionIdle = limits.server.sessionIdle,
  now = Date.now,
}: AccessOptions): Access {
  let token = createSecret();
  /** When each browser asked last, the longest silent first, by the digest of its secret. */
  const sessions = new Map<string, number>();
  // Cookies know no ports: the name keeps two servers of one computer apart.
  const cookieName = `fundus-lens-${port}`;
  const loopback = isLoopback(host);

  const isOurHost = (header: string | undefined): boolean => {
    if (header === undefined) return false;
    const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d+))?$/i.exec(header);
    if (match === null || Number(match[2] ?? 80) !== port) return false;
    const name = match[1]!.replace(/^\[|\]$/g, '').toLowerCase();
    if (name === 'localhost' || name === '127.0.0.1' || name === '::1' || name === host) return true;
    // Whoever opened the server to the network reaches it by an address; a name could be anybody's.
    return !loopback && isIP(name) !== 0;
  };

  const refuseHost = ({ headers }: IncomingMessage): Refusal | null =>
    isOurHost(headers.host)
      ? null
      : {
          status: 421,
          reason: 'This address does not belong to Fundus Lens: use the one printed at its start.',
        };

  const touch = (key: string) => {
    sessions.delete(key);
    sessions.set(key, now());
  };
  const isIn = (secret: string | null): boolean => {
    if (secret === null) return false;
    const key = digest(secret).toString('base64url');
    const last = sessions.get(key);
    if (last === undefined) return false;
    if (now() - last > sessionIdle) {
      sessions.delete(key);
      return false;
    }
    touch(key);
    return true;
  };

  return {
    get token() {
      return token;
    },
    rotate: () => {
      token = createSecret();
    },
    cookieFor: (given) => {
      if (!equal(given, token)) return null;
      const secret = createSecret();
      touch(digest(secret).toString('base64url'));
      for (const [oldest] of sessions) {
        if (sessions.size <= limits.server.sessions) break;
        sessions.delete(oldest);
      }
      return `${cookieName}=${secret}; Path=/; HttpOnly; SameSite=Strict`;
    },
    refuseHost,
    refuse: (request, { origin }) => {
      const foreignHost = refuseHost(request);
      if (foreignHost !== null) return foreignHost;
      const { headers } = request;
      const isOwnOrigin =
        headers.origin === undefined ? origin === 'if-present' : headers.origin === `http://${headers.host!}`;
      const site = headers['sec-fetch-site'];
      if (!isOwnOrigin || site === 'cross-site' || site === 'same-site') {
        return { status: 403, reason: 'The request comes from another page.' };
      }
      if (!isIn(readCookie(headers.cookie, cookieName))) {
        return {
          status: 401,
          reason:
            'This browser is not let in, or not any more: open the whole address that was printed last.',
        };
      }
      return null;
    },
  };
}

/** Whether only programs of this computer can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function readCookie(header: string | undefined, name: string): string | null {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value !== undefined) return value;
  }
  return null;
}

function createSecret(): string {
  return randomBytes(32).toString('base64url');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Takes the same time wherever the two differ. */
function equal(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}
