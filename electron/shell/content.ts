import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { FundusLensError } from '../contract/errors.ts';
import type { Media } from '../contract/images/media.ts';
import type { RendererFile } from './renderer-files.ts';
import { securityHeaders } from './security-headers.ts';

/** Opens a view of an image; null when there is no such image or view. */
export type OpenMedia = (imageId: number, view: string) => Promise<Media | null>;

export interface ContentRequest {
  readonly method: string;
  /** As it came over the line, still encoded: `/media/image/12/thumbnail?v=…`. */
  readonly target: string;
  readonly ifNoneMatch: string | null;
}

export interface ContentAnswer {
  readonly status: 200 | 304 | 404 | 405;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable | null;
}

/** Everything that a plain GET of the app's origin can reach. */
export type ContentHandler = (request: ContentRequest) => Promise<ContentAnswer>;

/** Letters that a path of ours is made of; no percent sign, so nothing is ever decoded. */
const plainPath = /^\/[A-Za-z0-9._/-]*$/;
const mediaPath = /^\/media\/image\/([1-9]\d{0,14})\/([a-z][a-z0-9-]{0,31})$/;

/**
 * Answers for the files of the built renderer and for views of images, and for nothing else: `..`, encoded
 * characters, absolute paths, links, and ids that do not exist are all "not found".
 */
export function createContentHandler(
  files: ReadonlyMap<string, RendererFile>,
  openMedia: OpenMedia,
): ContentHandler {
  return async ({ method, target, ifNoneMatch }) => {
    if (method !== 'GET' && method !== 'HEAD') return refuse(405, { allow: 'GET, HEAD' });
    const [path = '', query = ''] = target.split('?', 2);
    if (!plainPath.test(path) || path.includes('..')) return refuse(404);
    const withBody = method === 'GET';

    const file = files.get(path);
    if (file !== undefined) {
      const cache = file.immutable ? 'private, max-age=31536000, immutable' : 'no-cache';
      const headers = describe(file.type, file.bytes, file.etag, cache);
      if (ifNoneMatch === file.etag) return notModified(headers);
      return { status: 200, headers, body: withBody ? createReadStream(file.path) : null };
    }

    const [, id, view] = mediaPath.exec(path) ?? [];
    if (id === undefined || view === undefined) return refuse(404);
    const media = await openReadable(openMedia, Number(id), view);
    if (media === null) return refuse(404);
    // An address with a version names one content for ever; one without may mean another library tomorrow.
    const isVersioned = new URLSearchParams(query).has('v');
    const cache = isVersioned ? 'private, max-age=31536000, immutable' : 'private, no-cache';
    const bytes = 'path' in media ? (await stat(media.path)).size : media.bytes.byteLength;
    const headers = describe(media.contentType, bytes, media.etag, cache);
    if (ifNoneMatch === media.etag) return notModified(headers);
    if (!withBody) return { status: 200, headers, body: null };
    const body = 'path' in media ? createReadStream(media.path) : Readable.from([media.bytes]);
    return { status: 200, headers, body };
  };
}

/** A file that is gone or broken is for the grid as good as none; the image's detail says what is wrong. */
async function openReadable(openMedia: OpenMedia, id: number, view: string): Promise<Media | null> {
  try {
    return await openMedia(id, view);
  } catch (error) {
    if (error instanceof FundusLensError) return null;
    throw error;
  }
}

function describe(type: string, bytes: number, etag: string, cache: string): Record<string, string> {
  return {
    ...securityHeaders,
    'content-type': type,
    'content-length': String(bytes),
    'cache-control': cache,
    etag,
  };
}

function notModified(headers: Readonly<Record<string, string>>): ContentAnswer {
  const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-length'));
  return { status: 304, headers: rest, body: null };
}

function refuse(status: 404 | 405, headers: Readonly<Record<string, string>> = {}): ContentAnswer {
  return { status, headers: { ...securityHeaders, 'cache-control': 'no-store', ...headers }, body: null };
}
