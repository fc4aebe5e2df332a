import { z } from 'zod';
import { idSchema } from './ids.ts';
import { lateralities } from './laterality.ts';

export const imageFormats = ['jpeg', 'png', 'tiff', 'webp', 'bmp', 'heic', 'dicom'] as const;

export const imageQualities = ['good', 'usable', 'poor'] as const;

export type ImageFormat = (typeof imageFormats)[number];

/** Which images to show; absent parts do not filter, and parts are joined by "and". */
export const imageFilterSchema = z.strictObject({
  /** Words over code, name, file name, tags, notes, findings and generated text; every word must occur, as a prefix. */
  text: z.string().optional(),
  lateralities: z.array(z.enum(lateralities)).optional(),
  modalities: z.array(z.string()).optional(),
  formats: z.array(z.enum(imageFormats)).optional(),
  qualities: z.array(z.enum(imageQualities)).optional(),
  /** Inclusive days or instants; images without a capture time match only without a range. */
  capturedFrom: z.string().optional(),
  capturedTo: z.string().optional(),
  patientId: idSchema.nullable().optional(),
  visitId: idSchema.optional(),
  groupId: idSchema.optional(),
  tagIds: z.array(idSchema).optional(),
  /** Traced or not, by any model or by the one named. */
  traced: z.strictObject({ is: z.boolean(), modelId: idSchema.optional() }).optional(),
  /** Images with a trace in which the concept emerged at a layer of the range, or never. */
  emergence: z
    .strictObject({
      conceptId: z.string(),
      modelId: idSchema.optional(),
      from: z.int().positive().optional(),
      to: z.int().positive().optional(),
      never: z.boolean().optional(),
    })
    .optional(),
  /** Only these images, such as a selection. */
  ids: z.array(idSchema).max(10_000).optional(),
});

export const imageSortKeys = ['captured', 'imported', 'name', 'patient', 'relevance'] as const;

export const imageQuerySchema = z.strictObject({
  filter: imageFilterSchema.default({}),
  /** `relevance` needs `filter.text` and is best first; without it, it means `captured`. */
  sort: z.enum(imageSortKeys).default('captured'),
  descending: z.boolean().default(false),
});

/** Which images an action is for. */
export const imageChoiceSchema = z.union([
  z.strictObject({ ids: z.array(idSchema).min(1).max(100_000) }),
  z.strictObject({ filter: imageFilterSchema }),
]);

export type ImageFilter = z.infer<typeof imageFilterSchema>;

export type ImageQuery = z.input<typeof imageQuerySchema>;

export type ImageSortKey = (typeof imageSortKeys)[number];

export type ImageChoice = z.infer<typeof imageChoiceSchema>;
