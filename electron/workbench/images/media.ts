import { constants, existsSync } from 'node:fs';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { LibraryImage } from '../../contract/images/library-image.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { mediaViews } from '../../contract/images/media.ts';
import type { Media, MediaView } from '../../contract/images/media.ts';
import { defaultLimits } from '../../ingest/import-failure.ts';
import { ViewCache } from '../../ingest/views/view-cache.ts';
import type { ViewName } from '../../ingest/views/view-cache.ts';
import { makeFrame, openPixels } from '../../ingest/views/views.ts';
import type { LibrarySession } from '../library/library-session.ts';

const cachedViews: Readonly<Partial<Record<MediaView, ViewName>>> = {
  thumb: 'small',
  view: 'large',
  'red-free': 'red-free',
};

/** Formats that browsers show as they are, with orientation and colour profile. */
const shownAsIs: Readonly<Partial<Record<LibraryImage['format'], string>>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
};

/** Opens views of images for the faces; makes what is not cached yet. */
export class MediaSource {
  readonly #session: LibrarySession;
  readonly #views: ViewCache;
  readonly #cacheFolder: string;

  constructor(session: LibrarySession, cacheFolder: string) {
    this.#session = session;
    this.#views = new ViewCache(session.library.paths, session.library.files);
    this.#cacheFolder = cacheFolder;
  }

  /**
   * @returns null when there is no such image or view
   * @throws FundusLensError `image.unreadable` when the file is gone or cannot be decoded any more
   */
  async open(imageId: number, view: string): Promise<Media | null> {
    const frame = Number(/^frame-([1-9]\d{0,5})$/.exec(view)?.[1] ?? 0);
    if (!isMediaView(view) && frame === 0) return null;
    const image = this.#find(imageId);
    if (image === null || frame > image.frames) return null;
    const etag = `"${image.sha256.slice(0, 32)}-${view}"`;
    const { images } = this.#session.library;
    try {
      if (!isMediaView(view))
        return { etag, contentType: 'image/png', bytes: await this.#frame(image, frame) };
      const cached = cachedViews[view];
      if (cached === undefined) return { etag, ...(await this.#whole(image)) };
      const bytes = await this.#views.get(image, images.readableFile(image), cached);
      return { etag, contentType: 'image/webp', bytes: Uint8Array.from(bytes) };
    } catch (cause) {
      throw new FundusLensError('image.unreadable', 'The image cannot be shown.', {
        expected: 'the file that was imported',
        found:
          cause instanceof Error && 'code' in cause ? String(cause.code) : 'a file that cannot be decoded',
        advice: 'Check that its disk is connected; "verify" lists what is missing.',
        cause,
      });
    }
  }

  #find(imageId: number): LibraryImage | null {
    try {
      return this.#session.library.images.get(imageId);
    } catch (error) {
      if (error instanceof FundusLensError && error.code === 'input.invalid') return null;
      throw error;
    }
  }

  async #frame(image: LibraryImage, frame: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = await readFile(this.#session.library.images.originalFile(image));
    return Uint8Array.from(await makeFrame(file, image.format, frame, defaultLimits));
  }

  /** The whole image in a format that browsers read; a format they do not read becomes PNG, once. */
  async #whole(image: LibraryImage): Promise<{ readonly contentType: string; readonly path: string }> {
    const readable = this.#session.library.images.readableFile(image);
    if (image.renderingPath !== null) return { contentType: 'image/png', path: readable };
    const contentType = shownAsIs[image.format];
    if (contentType !== undefined) {
      await access(readable, constants.R_OK);
      return { contentType, path: readable };
    }
    const target = path.join(this.#cacheFolder, 'whole', `${image.sha256}.png`);
    if (!existsSync(target)) {
      const source = { kind: 'encoded', bytes: await readFile(readable) } as const;
      const png = await openPixels(source, defaultLimits.pixels).toColourspace('srgb').png().toBuffer();
      await mkdir(path.dirname(target), { recursive: true });
      const temporary = `${target}.${process.pid}.part`;
      await writeFile(temporary, png);
      await rename(temporary, target);
    }
    return { contentType: 'image/png', path: target };
  }
}

function isMediaView(view: string): view is MediaView {
  return (mediaViews as readonly string[]).includes(view);
}
