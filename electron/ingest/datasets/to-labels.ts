import path from 'node:path';
import sharp from 'sharp';
import type { DatasetLabels, NewRegion } from '../../contract/images/datasets.ts';
import { createProtocol } from '../../protocol/protocol.ts';
import type { ProtocolSchema } from '../../protocol/schema.ts';
import { ImportFailure } from '../import-failure.ts';
import type { ImportLimits } from '../import-failure.ts';
import { readStableFile } from '../sources/read-stable-file.ts';
import type { PlacedRecord } from './load-datasets.ts';

export interface Photograph {
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
}

/**
 * What a data set says of a photograph, as the library keeps it; masks are read now.
 *
 * @throws ImportFailure `dataset.bad-row` for a mask of another size, and what reading a file throws
 */
export async function toLabels(
  { folder, origin, record }: PlacedRecord,
  photograph: Photograph,
  schema: ProtocolSchema,
  limits: ImportLimits,
): Promise<DatasetLabels> {
  if (record === null) {
    return { origin: { ...origin, split: null, age: null }, protocol: null, regions: [], findings: [] };
  }
  const { split, age, values, findings } = record;
  const empty = createProtocol(schema, { image: photograph.sha256, observer: origin.title });
  const regions: NewRegion[] = [];
  for (const [of, [x, y]] of Object.entries(record.points)) {
    regions.push({ of, author: origin.title, shape: { kind: 'point', at: [x, y] }, mask: null });
  }
  for (const { of, author, outline } of record.outlines) {
    const points = outline.points.map(([x, y]): [number, number] => [x, y]);
    regions.push({ of, author: `${origin.title} ${author}`, shape: { kind: 'polygon', points }, mask: null });
  }
  for (const { of, path: relative } of record.masks) {
    const bytes = await readStableFile(path.join(folder, relative), limits.fileBytes);
    const mask = await readMask(bytes, photograph, relative, limits);
    regions.push({ of, author: origin.title, shape: null, mask });
  }
  return {
    origin: { ...origin, split, age },
    protocol: Object.keys(values).length === 0 ? null : { ...empty, values },
    regions,
    findings,
  };
}

/** Black and white, one bit a pixel: everything that is not black is marked. */
async function readMask(
  bytes: Buffer,
  { width, height }: Photograph,
  name: string,
  { pixels }: ImportLimits,
): Promise<Buffer> {
  const source = sharp(bytes, { limitInputPixels: pixels });
  const found = await source.metadata();
  if (found.width !== width || found.height !== height) {
    throw new ImportFailure(
      'dataset.bad-row',
      `The mask ${name} has ${found.width} × ${found.height} pixels, its photograph ${width} × ${height}.`,
    );
  }
  return source
    .removeAlpha()
    .greyscale()
    .threshold(1)
    .png({ palette: true, colours: 2, compressionLevel: 9 })
    .toBuffer();
}
