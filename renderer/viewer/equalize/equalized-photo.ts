import type { ColorChannel } from '../image-adjustment.ts';
import type { EqualizeReply, EqualizeRequest } from './messages.ts';

/**
 * Equalises a photograph in a thread of its own, so that the page goes on.
 *
 * @returns the picture as PNG
 * @throws Error when it cannot be read; what `signal` was aborted with
 */
export function equalizePhoto(url: string, channel: ColorChannel, signal?: AbortSignal): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./equalize-worker.ts', import.meta.url), { type: 'module' });
    const end = (settle: () => void) => {
      worker.terminate();
      settle();
    };
    signal?.addEventListener('abort', () => end(() => reject(signal.reason as Error)), { once: true });
    worker.addEventListener('error', ({ message }) => end(() => reject(new Error(message))));
    worker.addEventListener('message', ({ data }: MessageEvent<EqualizeReply>) =>
      end(() => ('picture' in data ? resolve(data.picture) : reject(new Error(data.failure)))),
    );
    const request: EqualizeRequest = { url: new URL(url, location.href).href, channel };
    worker.postMessage(request);
  });
}
