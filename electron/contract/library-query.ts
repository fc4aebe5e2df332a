import { z } from 'zod';
import { lateralities } from './laterality.ts';
import { idSchema, imageCardSchema, imageFormats, imageQualities } from './library-model.ts';

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

/**
 * Where the page begins. `after` and `before` are opaque cursors of an earlier page; `{ end: true }` is the
 * last page; `offset` is for a scrollbar that jumps anywhere.
 */
export const pageStartSchema = z.union([
  z.strictObject({}),
  z.strictObject({ after: z.string() }),
  z.strictObject({ before: z.string() }),
  z.strictObject({ end: z.literal(true) }),
  z.strictObject({ offset: z.int().nonnegative() }),
]);

export const imagePageSchema = z.object({
  items: z.array(imageCardSchema),
  /** Cursors of the first and last item; null on an empty page. */
  first: z.string().nullable(),
  last: z.string().nullable(),
});

export type ImageFilter = z.infer<typeof imageFilterSchema>;
export type ImageQuery = z.input<typeof imageQuerySchema>;
export type ImageSortKey = (typeof imageSortKeys)[number];
export type PageStart = z.infer<typeof pageStartSchema>;
export type ImagePage = z.infer<typeof imagePageSchema>;
