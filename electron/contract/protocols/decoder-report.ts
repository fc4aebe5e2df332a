import { z } from 'zod';
import { count } from '../ids.ts';
import { problemSchema } from '../problem.ts';

export const decoderFieldKinds = ['binary', 'ordinal', 'categorical', 'number'] as const;

/** A measure with its 95 % interval by bootstrap over patients; null where the images do not determine it. */
export const estimateSchema = z.object({
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

/** Images and patients with a value; one row named "" for a number. */
export const valueCountSchema = z.object({ value: z.string(), images: count, patients: count });

/** What `score` everywhere is: AUROC, its mean over thresholds or classes, or R². */
export const decoderMeasures = ['auroc', 'mean-auroc', 'r2'] as const;

/** A field that was asked for and could not be learnt; it is never assessed. */
export const refusedFieldSchema = z.object({ field: z.string(), problem: problemSchema });

const curvePointSchema = z.object({
  layer: count,
  score: estimateSchema,
  shuffled: estimateSchema,
  /** Score minus shuffled score. */
  selectivity: z.number().nullable(),
});

/**
 * One feature set over its layers. Sets with the role `layers` are `image-mean` and `last-position`; baselines have one
 * point each: `vision-output`, `pixels`, `metadata`.
 */
export const layerCurveSchema = z.object({
  set: z.string(),
  role: z.enum(['layers', 'baseline']),
  points: z.array(curvePointSchema),
});

const fittedFieldSchema = z.object({
  status: z.literal('fitted'),
  field: z.string(),
  kind: z.enum(decoderFieldKinds),
  /** Names of the values of each class; rare neighbours of an ordinal field are one class. */
  classes: z.array(z.array(z.string())),
  counts: z.array(valueCountSchema),
  images: count,
  patients: count,
  /** Share of images in the commonest class, which always saying it would get right; null for a number. */
  prevalence: z.number().nullable(),
  measure: z.enum(decoderMeasures),
  /** The decoder's own choice, scored with layer and penalty chosen by other patients. */
  chosen: z.object({
    set: z.string(),
    layer: count,
    score: estimateSchema,
    shuffled: estimateSchema,
    selectivity: z.number().nullable(),
    /** Other measures by name: auprc, macroF1, kappa, mae, ece, … */
    measures: z.record(z.string(), estimateSchema),
  }),
  curves: z.array(layerCurveSchema),
  /** A whole camera or data set left out; empty where there was one only. */
  sourcesLeftOut: z.array(
    z.object({
      source: z.string(),
      images: count,
      patients: count,
      /** Why nothing can be said of it. */
      refused: z.enum(['one-class', 'too-few-patients']).nullable(),
      scores: z.array(
        z.object({
          set: z.string(),
          role: z.enum(['decoder', 'layers', 'baseline']),
          layer: count,
          score: estimateSchema,
        }),
      ),
    }),
  ),
});

export const decoderReportSchema = z.object({
  images: count,
  patients: count,
  fields: z.array(
    z.discriminatedUnion('status', [
      fittedFieldSchema,
      refusedFieldSchema.extend({ status: z.literal('refused'), kind: z.enum(decoderFieldKinds) }),
    ]),
  ),
});

export type DecoderReport = z.infer<typeof decoderReportSchema>;
