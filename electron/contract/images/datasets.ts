import { z } from 'zod';
import type { Protocol } from '../../protocol/protocol.ts';
import { count, idSchema } from '../ids.ts';

const pointSchema = z.tuple([z.number(), z.number()]);

/** What a public data set is, and on what terms it may be used. */
export const datasetSchema = z.object({
  id: z.string().min(1),
  title: z.string(),
  /** As its makers state it. */
  licence: z.string(),
  citation: z.string(),
});

/** The data set that an image came with, and what it says that has no field in a protocol. */
export const imageOriginSchema = datasetSchema.extend({
  /** The data set's own division, such as "train"; null when it has none. */
  split: z.string().nullable(),
  /** Years, when the photograph was taken; null when not told. */
  age: count.nullable(),
});

/** A place on a photograph that a data set marks, in its pixels after EXIF orientation. */
export const imageRegionSchema = z.object({
  id: idSchema,
  /** `disc`, `cup`, `fovea`, or the id of a lesion's field in the protocol. */
  of: z.string(),
  /** Whose it is: the data set, or one of its experts. */
  author: z.string(),
  /** Null for a mask. */
  shape: z
    .union([
      z.object({ kind: z.literal('point'), at: pointSchema }),
      z.object({ kind: z.literal('polygon'), points: z.array(pointSchema) }),
    ])
    .nullable(),
});

/** A data set in a folder that is about to be imported. */
export const foundDatasetSchema = datasetSchema.extend({
  images: count,
  /** 0 where the data set does not tell patients apart. */
  patients: count,
  /** Fields of the protocol that it has labels for, with the number of images. */
  labels: z.array(z.object({ field: z.string(), images: count })),
  /** Photographs with a mask or an outline. */
  marked: count,
  /** Rows and files that cannot be used. */
  problems: count,
});

export type Dataset = z.infer<typeof datasetSchema>;
export type ImageOrigin = z.infer<typeof imageOriginSchema>;
export type ImageRegion = z.infer<typeof imageRegionSchema>;
export type FoundDataset = z.infer<typeof foundDatasetSchema>;

export interface NewRegion extends Pick<ImageRegion, 'of' | 'author' | 'shape'> {
  /** PNG of the photograph's size, white where there is some; null for a shape. */
  readonly mask: Uint8Array | null;
}

/** What a data set says of one photograph, as the import hands it over. */
export interface DatasetLabels {
  readonly origin: ImageOrigin;
  /** Null where it says nothing that a protocol has a field for. */
  readonly protocol: Protocol | null;
  readonly regions: readonly NewRegion[];
  readonly findings: readonly { readonly label: string; readonly value: string | null }[];
}
