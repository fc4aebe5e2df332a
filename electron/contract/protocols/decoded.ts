import { z } from 'zod';
import { protocolFileSchema } from '../../protocol/protocol.ts';
import { decoderFieldKinds } from './decoder-report.ts';
import { count, idSchema } from '../ids.ts';

/** `assessed`; `abstained`: more than one value is possible; `not-learnt`: there were too few examples. */
export const decodedStatuses = ['assessed', 'abstained', 'not-learnt'] as const;

export const decodedFieldSchema = z.object({
  field: z.string(),
  kind: z.enum(decoderFieldKinds),
  status: z.enum(decodedStatuses),
  /** null unless assessed. */
  value: z.union([z.string(), z.number()]).nullable(),
  /** Calibrated probability of the likeliest class, 0–1; null for a number. */
  certainty: z.number().nullable(),
  probabilities: z.array(z.object({ values: z.array(z.string()), probability: z.number() })),
  /** Values that cannot be excluded, at nine of ten; one when assessed. */
  possible: z.array(z.string()),
  /** Bounds of a number, nine of ten times; null where there is none. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Where it was read; null when not learnt. */
  set: z.string().nullable(),
  layer: count.nullable(),
});

/** What a decoder reads from one layer, or from the layers that it chose for each field. */
export const decodedLayerSchema = z.object({
  /** null: the decoder's own choice, field by field. */
  layer: count.nullable(),
  fields: z.array(decodedFieldSchema),
  /** The assessed fields, each with `source: 'decoder'` and its certainty; whatever is missing was not assessed. */
  protocol: protocolFileSchema,
  text: z.object({ en: z.string(), ru: z.string() }),
});

export const decodedImageSchema = z.object({
  decoderId: idSchema,
  imageId: idSchema,
  /** The decoder's own choice. */
  chosen: decodedLayerSchema,
  /** The same from every layer, ascending; 0 is the output of the vision tower. */
  layers: z.array(decodedLayerSchema),
  /** Whether the image, or another one of its patient, was among those that the decoder was fitted on. */
  inTraining: z.boolean(),
});

export const decodedRowSchema = z.object({
  imageId: idSchema,
  fileName: z.string(),
  patientCode: z.string().nullable(),
  inTraining: z.boolean(),
  fields: z.array(decodedFieldSchema),
});

export const decodedTableSchema = z.object({
  layer: count.nullable(),
  rows: z.array(decodedRowSchema),
  /** Images without features: `tap` them first. */
  missing: z.array(idSchema),
});

export type DecodedField = z.infer<typeof decodedFieldSchema>;
export type DecodedLayer = z.infer<typeof decodedLayerSchema>;
export type DecodedImage = z.infer<typeof decodedImageSchema>;
export type DecodedTable = z.infer<typeof decodedTableSchema>;
