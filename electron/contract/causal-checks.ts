import { z } from 'zod';
import { knockedOutEdges, positionSets } from '../engine/lens-trace/causal-request.ts';
import { traceRequestSchema } from '../engine/lens-trace/trace-request.ts';
import { call } from './call.ts';
import { count, idSchema, sha256Schema } from './ids.ts';
import { imageChoiceSchema } from './image-query.ts';

/** `opposite` labels, or `same-label` as the negative control. */
export const pairKinds = ['opposite', 'same-label'] as const;

/** Label that divides photographs in two: the eye, or a learnable field of the protocol with two values. */
export const pairLabelSchema = z.string().min(1);

export const causalPairSchema = z.object({
  kind: z.enum(pairKinds),
  /** Of opposite labels, the image of which A is true. */
  cleanId: idSchema,
  corruptId: idSchema,
  cleanFile: z.string(),
  corruptFile: z.string(),
});

export const chosenPairsSchema = z.object({
  /** What A and B stand for, values of the label. */
  values: z.tuple([z.string(), z.string()]),
  pairs: z.array(causalPairSchema),
  /** Images that have the label, and of the chosen ones those that have none. */
  labelled: count,
  unlabelled: count,
});

const share = z.number().min(0).max(1);

/** A rectangle of an image, as shares of its width and height. */
export const imageRegionSchema = z
  .strictObject({ left: share, top: share, right: share, bottom: share })
  .refine(({ left, right, top, bottom }) => left < right && top < bottom, {
    message: 'left < right and top < bottom',
  });

export const causalOrderSchema = z.strictObject({
  modelId: idSchema,
  cleanId: idSchema,
  corruptId: idSchema,
  prompt: traceRequestSchema.shape.prompt,
  maxPixels: traceRequestSchema.shape.maxPixels,
  /** How an answer begins that says A or B. */
  contrast: z.strictObject({ a: z.array(z.string()).min(1).max(20), b: z.array(z.string()).min(1).max(20) }),
  region: imageRegionSchema.nullable().default(null),
  /** Layers of one attention knockout; 0 for none. */
  knockoutWindow: z.int().min(0).max(100).default(0),
  seed: count.default(1),
  provider: traceRequestSchema.shape.provider.unwrap().optional(),
});

const margins = z.array(z.number());

/** What one pair came to: margins m of A over B, logit units, by layer l = 0…L before block l; L is after the last. */
export const causalReadingSchema = z.object({
  model: z.object({ id: z.string(), sha256: sha256Schema, numLayers: count, provider: z.string() }),
  cleanSha256: sha256Schema,
  corruptSha256: sha256Schema,
  cells: z.tuple([count, count]),
  tokens: z.object({ a: z.array(z.string()), b: z.array(z.string()) }),
  clean: z.number(),
  corrupt: z.number(),
  patches: z.array(
    z.object({
      set: z.enum(positionSets),
      numPositions: count,
      intoCorrupt: margins,
      intoClean: margins,
    }),
  ),
  meanAblated: margins,
  knockouts: z.array(
    z.object({
      edges: z.enum(knockedOutEdges),
      numEdges: count,
      window: count,
      knockedOut: margins,
      random: margins,
    }),
  ),
});

export const checkedPairSchema = z.object({ kind: z.enum(pairKinds), reading: causalReadingSchema });

/** A mean over pairs by layer, with its 95 % bootstrap interval and a sign-flip test with max-T over layers. */
export const effectCurveSchema = z.object({
  pairs: count,
  mean: margins,
  lower: margins,
  upper: margins,
  correctedP: margins.nullable(),
});

const setEffectSchema = z.object({
  set: z.enum(positionSets),
  /** Clean states in the corrupt run: 1 where all of the difference moves. */
  sufficiency: effectCurveSchema,
  /** Corrupt states in the clean run. */
  necessity: effectCurveSchema,
});

export const withheldReasons = ['too-few-pairs', 'no-region', 'no-negative-control', 'intervals'] as const;

export const pairStatisticsSchema = z.object({
  opposite: count,
  /** Pairs whose answers differ by too little. */
  leftOut: count,
  difference: z.number(),
  sets: z.array(setEffectSchema),
  sameLabel: z.array(setEffectSchema),
  regionOverIrrelevant: setEffectSchema.omit({ set: true }).nullable(),
  meanAblated: effectCurveSchema.nullable(),
  knockouts: z.array(
    z.object({
      edges: z.enum(knockedOutEdges),
      window: count,
      knockedOut: effectCurveSchema,
      random: effectCurveSchema,
    }),
  ),
  /** By layer, whether "uses" may be said; everywhere else it is "readable at". */
  uses: z.array(z.boolean()),
  withheld: z.enum(withheldReasons).nullable(),
});

export type CausalPair = z.infer<typeof causalPairSchema>;
export type ChosenPairs = z.infer<typeof chosenPairsSchema>;
export type CausalOrder = z.output<typeof causalOrderSchema>;
export type CausalReadingJson = z.infer<typeof causalReadingSchema>;
export type CheckedPairJson = z.infer<typeof checkedPairSchema>;
export type PairStatisticsJson = z.infer<typeof pairStatisticsSchema>;

/** Whether what can be read is used: activationPatching between photographs, in pairs of patients. */
export const causalChecks = {
  /**
   * Pairs of photographs of equal size and camera, from the library's labels: no patient is in two pairs of a kind. The same
   * seed chooses the same pairs.
   */
  pairs: call
    .input(
      z.strictObject({
        images: imageChoiceSchema,
        label: pairLabelSchema.default('header.eye'),
        /** The label's value of which A is true; its second when left out. */
        value: z.string().optional(),
        most: z.int().min(1).max(1000).default(40),
        seed: count.default(1),
      }),
    )
    .output(chosenPairsSchema),
  /** Computes one pair; an abort ends it. */
  check: call.input(causalOrderSchema).output(causalReadingSchema),
  /** What pairs say together. */
  summarise: call
    .input(
      z.strictObject({
        pairs: z.array(checkedPairSchema).min(1).max(2000),
        samples: z.int().min(100).max(20_000).default(2000),
        seed: count.default(1),
      }),
    )
    .output(pairStatisticsSchema),
};
