import { equalizePixels } from './equalize-pixels.ts';
import type { EqualizeReply, EqualizeRequest } from './messages.ts';

addEventListener('message', ({ data }: MessageEvent<EqualizeRequest>) => {
  void answer(data).then((reply) => postMessage(reply));
});

async function answer({ url, channel }: EqualizeRequest): Promise<EqualizeReply> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const bitmap = await createImageBitmap(await response.blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    equalizePixels(pixels, channel);
    context.putImageData(pixels, 0, 0);
    return { picture: await canvas.convertToBlob({ type: 'image/png' }) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
