import sharp from 'sharp';

/** A figure as PNG, twice as fine as it is drawn. */
export function rasterise(svg: string): Promise<Buffer> {
  return sharp(Buffer.from(svg), { density: 144 }).png().toBuffer();
}
