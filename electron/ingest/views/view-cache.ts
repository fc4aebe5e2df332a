import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import type { LibraryPaths } from '../../contract/app/library.ts';
import { defaultLimits } from '../import-failure.ts';
import type { FileWriter } from '../import-options.ts';
import { makeRedFree, makeViews } from './views.ts';

export const viewNames = ['small', 'large', 'red-free'] as const;
export type ViewName = (typeof viewNames)[number];

/** WebP views of images, made when they are first asked for or were deleted; equal requests wait for one another. */
export class ViewCache {
  readonly #paths: LibraryPaths;
  readonly #files: FileWriter;
  readonly #pending = new Map<string, Promise<Buffer>>();

  constructor(paths: LibraryPaths, files: FileWriter) {
    this.#paths = paths;
    this.#files = files;
  }

  /**
   * @param readable absolute path that ordinary decoders read, as `Images.readableFile` gives it
   * @returns WebP bytes
   */
  async get(image: Pick<LibraryImage, 'sha256'>, readable: string, view: ViewName): Promise<Buffer> {
    const relativePath = `thumbnails/${image.sha256.slice(0, 2)}/${image.sha256}-${view}.webp`;
    try {
      return await readFile(path.join(this.#paths.root, relativePath));
    } catch {
      // Not cached yet.
    }
    const waiting = this.#pending.get(relativePath);
    if (waiting !== undefined) return waiting;
    const made = this.#make(readable, view, relativePath).finally(() => this.#pending.delete(relativePath));
    this.#pending.set(relativePath, made);
    return made;
  }

  async #make(readable: string, view: ViewName, relativePath: string): Promise<Buffer> {
    const source = { kind: 'encoded', bytes: await readFile(readable) } as const;
    const bytes =
      view === 'red-free'
        ? await makeRedFree(source, defaultLimits.pixels)
        : (await makeViews(source, defaultLimits.pixels, 'error'))[view];
    await this.#files.write(relativePath, bytes).catch(() => {
      // A library that cannot be written still shows its images.
    });
    return bytes;
  }
}
