import { z } from 'zod';
import { lateralities } from './laterality.ts';
import {
  dateSchema,
  findingSchema,
  groupSchema,
  idSchema,
  imageFormats,
  imageQualities,
  libraryImageSchema,
  patientSchema,
  sexes,
  tagSchema,
  visitSchema,
} from './library-model.ts';
import { traceSummarySchema } from './study-model.ts';

const count = z.int().nonnegative();
const countOf = <T extends z.ZodType>(value: T) => z.array(z.object({ value, count }));

/** Everything about one image. */
export const imageDetailSchema = z.object({
  image: libraryImageSchema,
  patient: patientSchema.nullable(),
  visit: visitSchema.nullable(),
  tags: z.array(tagSchema.pick({ id: true, name: true })),
  findings: z.array(findingSchema),
  groups: z.array(groupSchema.pick({ id: true, name: true })),
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

export const patientInputSchema = z.strictObject({
  code: z.string().trim().min(1).max(100),
  name: z.string().max(200).nullable().optional(),
  birthYear: z.int().min(1850).max(2200).nullable().optional(),
  sex: z.enum(sexes).nullable().optional(),
  note: z.string().max(20_000).optional(),
});

export const findingInputSchema = z.strictObject({
  label: z.string().trim().min(1).max(200),
  value: z.string().max(200).nullable().default(null),
  note: z.string().max(20_000).default(''),
});

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
  ]),
  imageIds: z.array(idSchema),
});

export type ImageDetail = z.infer<typeof imageDetailSchema>;
export type ImageChangeInput = z.infer<typeof imageChangeSchema>;
export type Facets = z.infer<typeof facetsSchema>;
export type Undone = z.infer<typeof undoneSchema>;
