import { onBeforeUnmount } from 'vue';
import type { ImageAdjustment } from '../image-adjustment.ts';
import { equalizePhoto } from './equalized-photo.ts';

/** Where to fetch a photograph as it is to be shown; a new question gives up the one before. */
export function useEqualized() {
  let running: AbortController | null = null;
  let made: string | null = null;

  function forget() {
    running?.abort();
    running = null;
    if (made !== null) URL.revokeObjectURL(made);
    made = null;
  }

  /** @returns null when another question has come */
  async function urlOf(
    url: string,
    { equalize, channel }: Pick<ImageAdjustment, 'equalize' | 'channel'>,
  ): Promise<string | null> {
    forget();
    if (!equalize) return url;
    const mine = new AbortController();
    running = mine;
    try {
      const picture = await equalizePhoto(url, channel, mine.signal);
      made = URL.createObjectURL(picture);
      return made;
    } catch (error) {
      if (mine.signal.aborted) return null;
      throw error;
    }
  }

  onBeforeUnmount(forget);
  return { urlOf };
}
