/**
 * Antialiased resampling, bit for bit as Pillow does it for 8-bit images: bicubic with a = −0.5, bilinear, or Lanczos with
 * three lobes, the kernel stretched by the scale when shrinking, 22-bit fixed-point weights, one pass for each direction, each rounded to 8 bits.
 *
 * sharp's own kernels shrink by whole factors with a box first and differ by more than rounding; the
 * reference numbers of a checkpoint were made with Pillow's.
 */

/** Eight-bit RGB pixels, row-major, channels innermost. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** uint8 [H, W, 3] */
  readonly rgb: Uint8Array;
}

const weightBits = 22;
const half = 1 << (weightBits - 1);

interface Kernel {
  /** Input pixels on either side of the centre, before it is stretched. */
  readonly radius: number;
  readonly weigh: (offset: number) => number;
}

/** For each output index the first input index it reads, how many, and their fixed-point weights. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Row stride of `weights`. */
  readonly stride: number;
  /** int32 [output size, stride], units of 2^-22 */
  readonly weights: Int32Array;
}

/**
 * Resizes an image to exactly `width` × `height` pixels.
 *
 * @returns a new image, or the given one when the size is already right
 * @throws RangeError when the pixels do not fill the stated size
 */
export function resizeBicubic(image: RgbImage, width: number, height: number): RgbImage {
  return resize(image, width, height, bicubic);
}

/** The same with a triangular kernel. */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  return resize(image, width, height, bilinear);
}

/** The same with a Lanczos kernel. */
export function resizeLanczos(image: RgbImage, width: number, height: number): RgbImage {
  return resize(image, width, height, lanczos);
}

function resize(image: RgbImage, width: number, height: number, kernel: Kernel): RgbImage {
  if (image.rgb.length !== image.width * image.height * 3) {
    throw new RangeError(`${image.rgb.length} bytes are not ${image.width} × ${image.height} RGB pixels`);
  }
  if (columnsComeFirst(image, width, height))
    return resizeRows(resizeColumns(image, height, kernel), width, kernel);
  return resizeColumns(resizeRows(image, width, kernel), height, kernel);
}

/**
 * Each pass rounds to 8 bits, so their order shows in the last bit. Pillow 13 begins with the vertical pass when it
 * takes away more than twice as many rows as the horizontal pass takes away columns (found by comparing with it;
 * earlier versions always begin with the horizontal one).
 */
function columnsComeFirst(image: RgbImage, width: number, height: number): boolean {
  const fewerRows = image.height - height;
  return fewerRows > 0 && fewerRows > 2 * (image.width - width);
}

function resizeRows(image: RgbImage, width: number, kernel: Kernel): RgbImage {
  if (image.width === width) return image;
  const { first, count, stride, weights } = computeTaps(image.width, width, kernel);
  const { rgb: source, width: sourceWidth, height } = image;
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, out = 0; y < height; y++) {
    const row = y * sourceWidth * 3;
    for (let x = 0; x < width; x++, out += 3) {
      let red = half;
      let green = half;
      let blue = half;
      let at = row + first[x]! * 3;
      const end = x * stride + count[x]!;
      for (let tap = x * stride; tap < end; tap++, at += 3) {
        const weight = weights[tap]!;
        red += source[at]! * weight;
        green += source[at + 1]! * weight;
        blue += source[at + 2]! * weight;
      }
      rgb[out] = toByte(red);
      rgb[out + 1] = toByte(green);
      rgb[out + 2] = toByte(blue);
    }
  }
  return { width, height, rgb };
}

function resizeColumns(image: RgbImage, height: number, kernel: Kernel): RgbImage {
  if (image.height === height) return image;
  const { first, count, stride, weights } = computeTaps(image.height, height, kernel);
  const { rgb: source, width } = image;
  const rowLength = width * 3;
  const rgb = new Uint8Array(rowLength * height);
  const sums = new Int32Array(rowLength);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let tap = 0; tap < count[y]!; tap++) {
      const weight = weights[y * stride + tap]!;
      const row = (first[y]! + tap) * rowLength;
      for (let i = 0; i < rowLength; i++) sums[i] = sums[i]! + source[row + i]! * weight;
    }
    const out = y * rowLength;
    for (let i = 0; i < rowLength; i++) rgb[out + i] = toByte(sums[i]!);
  }
  return { width, height, rgb };
}

function toByte(sum: number): number {
  const value = sum >> weightBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function computeTaps(inputSize: number, outputSize: number, { radius, weigh }: Kernel): Taps {
  const scale = inputSize / outputSize;
  const stretch = Math.max(scale, 1);
  const support = radius * stretch;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outputSize);
  const count = new Int32Array(outputSize);
  const weights = new Int32Array(outputSize * stride);
  const exact = new Float64Array(stride);
  for (let index = 0; index < outputSize; index++) {
    const center = (index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(center + support + 0.5));
    let total = 0;
    for (let tap = 0; tap < end - start; tap++) {
      exact[tap] = weigh((tap + start - center + 0.5) / stretch);
      total += exact[tap]!;
    }
    first[index] = start;
    count[index] = end - start;
    for (let tap = 0; tap < end - start; tap++) {
      const weight = (total === 0 ? exact[tap]! : exact[tap]! / total) * (1 << weightBits);
      weights[index * stride + tap] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
  }
  return { first, count, stride, weights };
}

const bicubic: Kernel = { radius: 2, weigh: cubic };
const bilinear: Kernel = { radius: 1, weigh: (offset) => Math.max(0, 1 - Math.abs(offset)) };
const lanczos: Kernel = {
  radius: 3,
  weigh: (offset) => (offset >= -3 && offset < 3 ? sinc(offset) * sinc(offset / 3) : 0),
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Keys' cubic convolution kernel with a = −0.5. */
function cubic(offset: number): number {
  const a = -0.5;
  const x = Math.abs(offset);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
