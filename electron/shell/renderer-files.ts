import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

/** One file of the built renderer. */
export interface RendererFile {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  /** Quoted, as HTTP wants it. */
  readonly etag: string;
  /** Named after its content by the build, so that it can be kept for ever. */
  readonly immutable: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/**
 * The allow-list of what the renderer's origin serves: every ordinary file of the build, by its URL path. Whatever is
 * not in the list does not exist, so no path of a request is ever joined to a folder. Links are left out, as is
 * every type that a build does not make.
 *
 * @param folder the built renderer, with `index.html` at its top
 */
export async function listRendererFiles(folder: string): Promise<ReadonlyMap<string, RendererFile>> {
  const files = new Map<string, RendererFile>();
  for (const path of await listOrdinaryFiles(folder)) {
    const type = types[extname(path)];
    if (type === undefined) continue;
    const content = await readFile(path);
    const url = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(url, {
      path,
      type,
      bytes: content.byteLength,
      etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
      immutable: url.startsWith('/assets/'),
    });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}

async function listOrdinaryFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const below = entries.map(async (entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listOrdinaryFiles(path) : entry.isFile() ? [path] : [];
  });
  return (await Promise.all(below)).flat();
}
