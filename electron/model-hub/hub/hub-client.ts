import { FundusLensError } from '../../contract/errors.ts';
import { cutOff, offline, stalled, statusError, TransientHubError, unreachable } from './hub-errors.ts';
import { wrongContent } from './hub-errors.ts';

export interface HubClientOptions {
  /** Address of the hub or of a mirror, such as https://huggingface.co. */
  readonly endpoint: string;
  /** Sent to the endpoint only, never to where it redirects. */
  readonly token?: string | null;
  /** Asked before every single request. */
  readonly isOffline?: () => boolean;
  /** Silence after which a connection is given up, milliseconds. */
  readonly stallMilliseconds?: number;
}

interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The hub sends large files from other hosts; more hops than this are a loop. */
const maxRedirects = 6;
const defaultStall = 30_000;

/**
 * Asks one hub. Requests go to its endpoint and to where the endpoint sends us on, nowhere else; nothing of them says
 * more than the software's name and, to the endpoint itself, the token.
 */
export class HubClient {
  readonly endpoint: URL;
  readonly #token: string | null;
  readonly #isOffline: () => boolean;
  readonly #stallMilliseconds: number;

  /** @throws FundusLensError `input.invalid` for an address that is none */
  constructor(options: HubClientOptions) {
    this.endpoint = readEndpoint(options.endpoint);
    this.#token = options.token ?? null;
    this.#isOffline = options.isOffline ?? (() => false);
    this.#stallMilliseconds = options.stallMilliseconds ?? defaultStall;
  }

  /** @param path below the endpoint, encoded already; or a whole address, which a service of the endpoint named */
  url(path: string): URL {
    if (/^https?:/.test(path)) return this.#wholeAddress(path);
    const base = this.endpoint.href.replace(/\/$/, '');
    return new URL(`${base}/${path}`);
  }

  /** Nothing that was asked for over an encrypted line is fetched over another. */
  #wholeAddress(text: string): URL {
    const url = URL.parse(text);
    if (url !== null && (url.protocol === 'https:' || this.endpoint.protocol === 'http:')) return url;
    throw wrongContent(this.endpoint.href, 'an encrypted address', text);
  }

  /** @throws FundusLensError `hub.*` */
  async getJson(path: string, what: string, signal: AbortSignal): Promise<unknown> {
    const url = this.url(path);
    const watch = this.#watch(url, signal);
    try {
      const response = await this.#request(
        url,
        { headers: { accept: 'application/json' }, signal: watch.signal },
        watch,
      );
      if (!response.ok) throw await statusError(response, what);
      const text = await response.text();
      try {
        return JSON.parse(text);
      } catch {
        throw wrongContent(url.href, 'JSON', describeContent(response, text));
      }
    } catch (error) {
      throw watch.translate(error);
    } finally {
      watch.end();
    }
  }

  /**
   * Bytes [from, to) of a file, in order; a hub that sends more than was asked for is cut.
   *
   * @param bytes size that the file must have
   * @throws FundusLensError `hub.*`
   */
  async *getBytes(
    path: string,
    what: string,
    { from, to, bytes, signal }: { from: number; to: number; bytes: number; signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, void> {
    const url = this.url(path);
    const watch = this.#watch(url, signal);
    let sent = 0;
    try {
      const isWhole = from === 0 && to === bytes;
      const response = await this.#request(
        url,
        {
          // A compressed answer would have other ranges than the file.
          headers: {
            'accept-encoding': 'identity',
            ...(isWhole ? {} : { range: `bytes=${from}-${to - 1}` }),
          },
          signal: watch.signal,
        },
        watch,
      );
      if (!response.ok) throw await statusError(response, what);
      refuseOtherContent(response, url, path, bytes);
      // A hub that knows no ranges sends the file from its beginning.
      let toSkip = response.status === 206 ? firstByteOf(response, from) : from;
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        watch.alive();
        const kept = chunk.subarray(Math.min(toSkip, chunk.length)).subarray(0, to - from - sent);
        toSkip -= Math.min(toSkip, chunk.length);
        sent += kept.length;
        if (kept.length > 0) yield kept;
        if (sent === to - from) return;
      }
      if (sent < to - from) throw cutOff(url.host, to - from, sent);
    } catch (error) {
      throw watch.translate(error);
    } finally {
      watch.end();
    }
  }

  async #request(first: URL, { headers, signal }: RequestOptions, watch: Watch): Promise<Response> {
    let url = first;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      if (this.#isOffline()) throw offline(this.endpoint.href);
      const isHub = url.origin === this.endpoint.origin;
      const authorization = isHub && this.#token !== null ? { authorization: `Bearer ${this.#token}` } : {};
      const response = await fetch(url, {
        redirect: 'manual',
        headers: { 'user-agent': 'fundus-lens', ...headers, ...authorization },
        signal,
      });
      watch.alive();
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return response;
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.protocol !== 'https:' && next.origin !== url.origin && url.protocol === 'https:') {
        throw wrongContent(url.href, 'an encrypted address', next.href);
      }
      url = next;
    }
    throw wrongContent(first.href, `at most ${maxRedirects} redirections`, 'more of them');
  }

  #watch(url: URL, signal: AbortSignal): Watch {
    return new Watch(url.host, this.#stallMilliseconds, signal);
  }
}

/** Ends a request that has gone silent, and says afterwards which end it was. */
class Watch {
  readonly #host: string;
  readonly #milliseconds: number;
  readonly #outer: AbortSignal;
  readonly #silence = new AbortController();
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: string, milliseconds: number, outer: AbortSignal) {
    this.#host = host;
    this.#milliseconds = milliseconds;
    this.#outer = outer;
    this.signal = AbortSignal.any([outer, this.#silence.signal]);
    this.alive();
  }

  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silence.abort(), this.#milliseconds);
  }

  translate(error: unknown): unknown {
    if (error instanceof FundusLensError) return error;
    if (this.#outer.aborted) return this.#outer.reason;
    if (this.#silence.signal.aborted) return stalled(this.#host, this.#milliseconds);
    return unreachable(this.#host, error);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Whether the same request may succeed a moment later. */
export function isTransient(error: unknown): error is TransientHubError {
  return error instanceof TransientHubError;
}

function readEndpoint(text: string): URL {
  const url = URL.parse(text);
  if (
    url !== null &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.search === '' &&
    url.username === ''
  ) {
    return url;
  }
  throw new FundusLensError('input.invalid', 'The address of the hub is not valid.', {
    expected: 'an address such as https://huggingface.co',
    found: text,
    advice: 'Correct it in the settings.',
  });
}

/** A page where a file should be, or a file of another size. */
function refuseOtherContent(response: Response, url: URL, path: string, bytes: number): void {
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('text/html') && !/\.html?$/.test(path)) {
    throw wrongContent(url.href, `the file, ${bytes} bytes`, `a web page (${type})`);
  }
  const total =
    response.status === 206
      ? /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
      : (response.headers.get('content-length') ?? undefined);
  if (total !== undefined && Number(total) !== bytes) {
    throw wrongContent(url.href, `a file of ${bytes} bytes`, `one of ${total} bytes`);
  }
}

/** How many bytes of a partial answer lie before what was asked for. */
function firstByteOf(response: Response, from: number): number {
  const first = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? from);
  if (first > from) throw wrongContent(response.url, `bytes from ${from} on`, `bytes from ${first} on`);
  return from - first;
}

function describeContent(response: Response, text: string): string {
  const type = response.headers.get('content-type') ?? 'no type';
  return /^\s*<(!doctype|html)/i.test(text) ? `a web page (${type})` : `${text.length} characters (${type})`;
}
