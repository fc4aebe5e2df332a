/** A frame as the encoder gives it. */
export interface EncodedFrame {
  readonly data: Uint8Array;
  /** Milliseconds from the beginning. */
  readonly at: number;
  readonly isKey: boolean;
}

export interface WebmVideo {
  readonly codec: 'V_VP8' | 'V_VP9';
  readonly width: number;
  readonly height: number;
  /** Milliseconds. */
  readonly duration: number;
  /** In order; the first is a key frame. */
  readonly frames: readonly EncodedFrame[];
}

/** Times inside a cluster are 16 bits, so a cluster ends before this many milliseconds. */
const longestCluster = 30_000;

/**
 * A WebM file of one silent picture track; a cluster begins at each key frame, and Cues say where.
 *
 * @see RFC 8794 (EBML), RFC 9559 (Matroska), webmproject.org/docs/container
 */
export function toWebm(video: WebmVideo): Uint8Array<ArrayBuffer> {
  const info = element(
    0x1549a966,
    element(0x2ad7b1, uint(1_000_000)),
    element(0x4489, float(video.duration)),
    element(0x4d80, text('Fundus Lens')),
    element(0x5741, text('Fundus Lens')),
  );
  const tracks = element(
    0x1654ae6b,
    element(
      0xae,
      element(0xd7, uint(1)),
      element(0x73c5, uint(1)),
      element(0x9c, uint(0)),
      element(0x83, uint(1)),
      element(0x86, text(video.codec)),
      element(0xe0, element(0xb0, uint(video.width)), element(0xba, uint(video.height))),
    ),
  );
  const groups = groupFrames(video.frames);
  const clusters = groups.map(writeCluster);
  const cueSize = writeCues(groups, clusters, 0).length;
  const cues = writeCues(groups, clusters, info.length + tracks.length + cueSize);
  const head = element(
    0x1a45dfa3,
    element(0x4286, uint(1)),
    element(0x42f7, uint(1)),
    element(0x42f2, uint(4)),
    element(0x42f3, uint(8)),
    element(0x4282, text('webm')),
    element(0x4287, uint(2)),
    element(0x4285, uint(2)),
  );
  return join([head, element(0x18538067, info, tracks, cues, ...clusters)]);
}

function groupFrames(frames: readonly EncodedFrame[]): EncodedFrame[][] {
  const groups: EncodedFrame[][] = [];
  for (const frame of frames) {
    const open = groups.at(-1);
    if (open === undefined || frame.isKey || frame.at - open[0]!.at > longestCluster) groups.push([frame]);
    else open.push(frame);
  }
  return groups;
}

function writeCluster(frames: readonly EncodedFrame[]): Uint8Array {
  const start = frames[0]!.at;
  const blocks = frames.map(({ data, at, isKey }) => {
    const head = new Uint8Array([0x81, 0, 0, isKey ? 0x80 : 0]);
    new DataView(head.buffer).setInt16(1, at - start);
    return element(0xa3, head, data);
  });
  return element(0x1f43b675, element(0xe7, uint(start)), ...blocks);
}

/** @param before bytes of the segment before the first cluster; eight bytes each, so that the size does not hang on them */
function writeCues(
  groups: readonly (readonly EncodedFrame[])[],
  clusters: readonly Uint8Array[],
  before: number,
): Uint8Array {
  let place = before;
  const points = groups.map((group, index) => {
    const position = new Uint8Array(8);
    new DataView(position.buffer).setBigUint64(0, BigInt(place));
    place += clusters[index]!.length;
    const where = element(0xb7, element(0xf7, uint(1)), element(0xf1, position));
    return element(0xbb, element(0xb3, uint(group[0]!.at)), where);
  });
  return element(0x1c53bb6b, ...points);
}

/** Identifier, length in eight bytes, content. */
function element(id: number, ...content: readonly Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(length));
  size[0] = 0x01;
  return join([uint(id), size, ...content]);
}

function uint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256))
    bytes.unshift(rest % 256);
  return Uint8Array.from(bytes);
}

function float(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
