import { z } from 'zod';
import { imageCardSchema, libraryImageSchema } from './library-image.ts';
import { call } from '../call.ts';
import { imageOriginSchema, imageRegionSchema } from './datasets.ts';
import { groupSchema } from './groups.ts';
import { byId, byIds, changed, count, dateSchema, idSchema, instantSchema } from '../ids.ts';
import { maxGridRows } from './image-grid.ts';
import { imageFilterSchema, imageFormats, imageQualities, imageQuerySchema } from '../image-query.ts';
import { lateralities } from '../laterality.ts';
import { patientSchema } from './patients.ts';
import { tagSchema } from './tags.ts';
import { traceSummarySchema } from '../traces/traces.ts';
import { visitSchema } from './visits.ts';

export const findingSources = ['user', 'manifest', 'dicom'] as const;

export const findingSchema = z.object({
  id: idSchema,
  imageId: idSchema,
  label: z.string().min(1),
  /** Grade or value in the author's words; null when the label says it all. */
  value: z.string().nullable(),
  source: z.enum(findingSources),
  note: z.string(),
  createdAt: instantSchema,
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

/** Everything about one image. */
export const imageDetailSchema = z.object({
  image: libraryImageSchema,
  patient: patientSchema.nullable(),
  visit: visitSchema.nullable(),
  tags: z.array(tagSchema.pick({ id: true, name: true })),
  findings: z.array(findingSchema),
  groups: z.array(groupSchema.pick({ id: true, name: true })),
  /** Public data sets that it came with. */
  origins: z.array(imageOriginSchema),
  /** Places that they mark. */
  regions: z.array(imageRegionSchema),
  /** Newest first. */
  traces: z.array(traceSummarySchema),
});

/** What a person may change of many images at a time; absent fields stay as they are. */
export const imageChangeSchema = z.strictObject({
  laterality: z.enum(lateralities).optional(),
  modality: z.string().max(16).optional(),
  capturedAt: z
    .union([dateSchema, z.iso.datetime({ local: true })])
    .nullable()
    .optional(),
  quality: z.enum(imageQualities).nullable().optional(),
  note: z.string().max(20_000).optional(),
  /** A code makes the patient when there is none. */
  patient: z
    .union([z.strictObject({ id: idSchema }), z.strictObject({ code: z.string().trim().min(1) })])
    .nullable()
    .optional(),
  /** Of the image's patient; a date makes the visit when there is none. */
  visit: z
    .union([z.strictObject({ id: idSchema }), z.strictObject({ date: dateSchema })])
    .nullable()
    .optional(),
});

export const findingInputSchema = z.strictObject({
  label: z.string().trim().min(1).max(200),
  value: z.string().max(200).nullable().default(null),
  note: z.string().max(20_000).default(''),
});

const countOf = <T extends z.ZodType>(value: T) => z.array(z.object({ value, count }));

/** Counts over the images of a filter, largest first. */
export const facetsSchema = z.object({
  total: count,
  lateralities: countOf(z.enum(lateralities)),
  modalities: countOf(z.string()),
  formats: countOf(z.enum(imageFormats)),
  qualities: countOf(z.enum(imageQualities).nullable()),
  tags: countOf(tagSchema.pick({ id: true, name: true })),
  groups: countOf(groupSchema.pick({ id: true, name: true })),
  findings: countOf(z.string()),
  traced: count,
});

export const undoneSchema = z.object({
  action: z.enum([
    'update',
    'add-tag',
    'remove-tag',
    'put-finding',
    'remove-finding',
    'add-to-group',
    'remove-from-group',
    'create-group',
    'remove-group',
    'delete-tag',
    'remove-images',
    'remove-traces',
    'remove-protocol',
    'remove-concept-set',
    'update-patient',
    'merge-patients',
    'split-patient',
    'update-visit',
  ]),
  imageIds: z.array(idSchema),
});

export type Finding = z.infer<typeof findingSchema>;

export type PageStart = z.infer<typeof pageStartSchema>;

export type ImagePage = z.infer<typeof imagePageSchema>;

export type ImageDetail = z.infer<typeof imageDetailSchema>;

export type ImageChangeInput = z.infer<typeof imageChangeSchema>;

export type Facets = z.infer<typeof facetsSchema>;

export type Undone = z.infer<typeof undoneSchema>;

export const images = {
  page: call
    .input(
      z.strictObject({
        query: imageQuerySchema.prefault({}),
        start: pageStartSchema.default({}),
        limit: z.int().min(1).max(1000).default(100),
      }),
    )
    .output(imagePageSchema),
  count: call.input(z.strictObject({ query: imageQuerySchema.prefault({}) })).output(count),
  /** Every id in the query's order, for selections and jumps. */
  ids: call.input(z.strictObject({ query: imageQuerySchema.prefault({}) })).output(z.array(idSchema)),
  /**
   * A run of the query's images as the grid shows them, packed; read it with `GridRows` of image-grid.ts. It is so
   * small that a renderer holds the whole query and a scrollbar never waits.
   */
  grid: call
    .input(
      z.strictObject({
        query: imageQuerySchema.prefault({}),
        first: count.default(0),
        limit: z.int().min(1).max(maxGridRows).default(maxGridRows),
      }),
    )
    .output(z.instanceof(Blob)),
  /** How many images each choice of a filter would leave. */
  facets: call.input(z.strictObject({ filter: imageFilterSchema.default({}) })).output(facetsSchema),
  get: call.input(byId).output(imageDetailSchema),
  /** The mask of a region: a PNG of the photograph's size, white where there is some; null for a shape. */
  regionMask: call.input(byId).output(z.instanceof(Blob).nullable()),
  update: call.input(byIds.extend({ change: imageChangeSchema })).output(changed),
  /** Puts images with their traces into the trash; their tasks end. Original files stay. */
  remove: call.input(byIds).output(changed),
  addTag: call.input(byIds.extend({ name: z.string().trim().min(1).max(100) })).output(changed),
  removeTag: call.input(byIds.extend({ tagId: idSchema })).output(changed),
  /** The same label on the same image is replaced. */
  putFinding: call.input(byIds.extend({ finding: findingInputSchema })).output(changed),
  removeFinding: call.input(z.strictObject({ imageId: idSchema, findingId: idSchema })).output(changed),
  /** Takes the last change of this session back; null when there is none. */
  undo: call.output(undoneSchema.nullable()),
  /** What undo would take back. */
  undoable: call.output(undoneSchema.nullable()),
};
