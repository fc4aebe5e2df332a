import { z } from 'zod';
import { protocolFileSchema, valueSources } from '../../protocol/protocol.ts';
import { protocolLanguages, protocolSchemaFile } from '../../protocol/schema-format.ts';
import { call } from '../call.ts';
import { exportResultSchema, exportTargetSchema } from '../exports.ts';
import { changed, count, idSchema, instantSchema } from '../ids.ts';

/** Who describes the photograph; an empty name stands for "not stated". */
export const observerSchema = z.string().trim().max(200);

/** One version of what one observer wrote about one photograph. */
export const protocolVersionSchema = z.object({
  id: idSchema,
  imageId: idSchema,
  observer: z.string(),
  /** 1, 2, 3, … for each image and observer; the highest is the one in force. */
  version: z.int().positive(),
  /** Fields that were assessed. */
  assessed: count,
  /** Where the values come from. */
  sources: z.array(z.enum(valueSources)),
  createdAt: instantSchema,
});

export const storedProtocolSchema = z.object({
  version: protocolVersionSchema,
  protocol: protocolFileSchema,
});

const ofObserver = z.strictObject({ imageId: idSchema, observer: observerSchema });
const byVersion = z.strictObject({ id: idSchema });
const fieldValue = z.union([z.string(), z.number(), z.null()]);

export const protocolComparisonSchema = z.object({
  versions: z.array(protocolVersionSchema),
  fields: z.array(
    z.object({
      field: z.string(),
      /** In the order of `versions`; null is "not assessed". */
      values: z.array(fieldValue),
      relation: z.enum(['not-assessed', 'same', 'partly-assessed', 'different']),
    }),
  ),
});

const kappaSchema = z.object({ n: count, value: z.number().nullable() }).nullable();

export const protocolAgreementSchema = z.object({
  /** Photographs that both observers described. */
  images: count,
  fields: z.array(
    z.object({
      field: z.string(),
      both: count,
      onlyOne: count,
      equal: z.number().nullable(),
      kappa: kappaSchema,
      /** Quadratic weights. */
      weightedKappa: kappaSchema,
      /** Second − first, in the field's unit. */
      difference: z
        .object({
          mean: z.number(),
          meanAbsolute: z.number(),
          limits: z.tuple([z.number(), z.number()]).nullable(),
        })
        .nullable(),
    }),
  ),
});

export const protocolFormats = ['json', 'fhir', 'csv'] as const;

export const protocolExportSchema = z.strictObject({
  /** Versions, or the versions in force of every image of a group. */
  which: z.union([
    z.strictObject({ ids: z.array(idSchema).min(1).max(10_000) }),
    z.strictObject({ groupId: idSchema, observer: observerSchema.optional() }),
  ]),
  /** JSON: one protocol as an object, several as a list; FHIR: one R4 bundle; CSV: a row a protocol. */
  format: z.enum(protocolFormats),
  /** Of the texts in a FHIR bundle. */
  language: z.enum(protocolLanguages).default('en'),
  target: exportTargetSchema.default({ to: 'answer' }),
});

export type ProtocolVersion = z.infer<typeof protocolVersionSchema>;
export type StoredProtocol = z.infer<typeof storedProtocolSchema>;
export type ProtocolComparison = z.infer<typeof protocolComparisonSchema>;
export type ProtocolAgreement = z.infer<typeof protocolAgreementSchema>;
export type ProtocolFormat = (typeof protocolFormats)[number];
export type ProtocolExport = z.output<typeof protocolExportSchema>;

/** Description protocols of photographs, as observers enter them. */
export const protocols = {
  /** Fields, value sets and words of both languages. */
  schema: call.output(protocolSchemaFile),
  /** What is in force for an image, by observer. */
  list: call.input(z.strictObject({ imageId: idSchema })).output(z.array(protocolVersionSchema)),
  get: call.input(byVersion).output(storedProtocolSchema),
  /** Names in use, commonest first. */
  observers: call.output(z.array(z.object({ observer: z.string(), images: count }))),
  /** Keeps a new version; the ones before stay. The same content again makes none. */
  save: call
    .input(
      ofObserver.extend({
        values: protocolFileSchema.shape.values,
        /** The version that was edited, 0 for none: refused when another was saved meanwhile. */
        basedOn: count.optional(),
      }),
    )
    .output(storedProtocolSchema),
  /** Newest first. */
  history: call.input(ofObserver).output(z.array(protocolVersionSchema)),
  /** Makes an older version the newest again. */
  restore: call.input(byVersion).output(storedProtocolSchema),
  /** Puts all versions of one observer into the trash. */
  remove: call.input(ofObserver).output(changed),
  /** Protocols of one image, field by field. */
  compare: call
    .input(z.strictObject({ ids: z.array(idSchema).min(2).max(20) }))
    .output(protocolComparisonSchema),
  /** How far two observers agree over the images of a group. */
  agreement: call
    .input(z.strictObject({ groupId: idSchema, observers: z.tuple([observerSchema, observerSchema]) }))
    .output(protocolAgreementSchema),
  text: call
    .input(byVersion.extend({ language: z.enum(protocolLanguages) }))
    .output(z.object({ text: z.string() })),
  export: call.input(protocolExportSchema).output(exportResultSchema),
};
