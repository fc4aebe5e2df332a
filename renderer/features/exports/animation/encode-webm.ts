import { toWebm } from './webm.ts';
import type { EncodedFrame } from './webm.ts';

const bitsPerPixel = 1.5;
const framesPerKey = 10;

/** Whether this browser can make films at all. */
export function canMakeWebm(): boolean {
  return 'VideoEncoder' in globalThis && 'ImageDecoder' in globalThis;
}

/**
 * An animated picture as a film in VP8, every frame for as long as it lasted.
 *
 * @param animation that browsers decode, such as an animated WebP
 * @throws what `signal` was aborted with; EncodingError
 */
export async function encodeWebm(animation: File, signal: AbortSignal): Promise<Blob> {
  const decoder = new ImageDecoder({ type: animation.type, data: await animation.arrayBuffer() });
  await decoder.tracks.ready;
  const count = decoder.tracks.selectedTrack!.frameCount;
  const frames: EncodedFrame[] = [];
  const failures: Error[] = [];
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      frames.push({ data, at: Math.round(chunk.timestamp / 1000), isKey: chunk.type === 'key' });
    },
    error: (error) => failures.push(error),
  });
  let [end, width, height] = [0, 0, 0];
  try {
    for (let index = 0; index < count; index++) {
      signal.throwIfAborted();
      const { image } = await decoder.decode({ frameIndex: index });
      if (index === 0) {
        // VP8 halves the colours, so an odd row or column of white below and on the right is left out.
        [width, height] = [image.displayWidth & ~1, image.displayHeight & ~1];
        const bitrate = Math.round(width * height * bitsPerPixel * 4);
        encoder.configure({ codec: 'vp8', width, height, bitrate, latencyMode: 'quality' });
      }
      const duration = image.duration ?? 250_000;
      const frame = new VideoFrame(image, {
        timestamp: end,
        duration,
        visibleRect: { x: 0, y: 0, width, height },
      });
      encoder.encode(frame, { keyFrame: index % framesPerKey === 0 });
      frame.close();
      image.close();
      end += duration;
    }
    await encoder.flush();
  } finally {
    if (encoder.state !== 'closed') encoder.close();
    decoder.close();
  }
  if (failures[0] !== undefined) throw failures[0];
  const video = { codec: 'V_VP8', width, height, duration: end / 1000, frames } as const;
  return new Blob([toWebm(video)], { type: 'video/webm' });
}
