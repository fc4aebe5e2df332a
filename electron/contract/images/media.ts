import type { LibraryImage } from './library-image.ts';

/**
 * Views of an image, fetched from `/media/image/:id/:view`: a thumbnail (256 px), a screen-sized view (1600 px), the
 * same as green channel with local contrast, and the whole image as lossless 8-bit PNG.
 */
export const mediaViews = ['thumb', 'view', 'red-free', 'original-png'] as const;
export type MediaView = (typeof mediaViews)[number];

/** One frame of a file that has several, 1 the first, as lossless 8-bit PNG. */
export type FrameView = `frame-${number}`;

/** Address of a view, relative to the face; it changes when the content does, so that it may be cached for ever. */
export function mediaUrl(image: Pick<LibraryImage, 'id' | 'sha256'>, view: MediaView | FrameView): string {
  return `/media/image/${image.id}/${view}?v=${image.sha256.slice(0, 16)}`;
}

/** What a face sends: a file to stream, or bytes. */
export type Media = {
  readonly contentType: string;
  /** Strong validator, with its quotes. */
  readonly etag: string;
} & ({ readonly path: string } | { readonly bytes: Uint8Array<ArrayBuffer> });
