import { z } from 'zod';
import { call } from '../call.ts';
import { idSchema } from '../ids.ts';

export const compareInputSchema = z.strictObject({
  /** 2…6 traces; the first is what the others are compared with. */
  traceIds: z.array(idSchema).min(2).max(6),
  /** Position of the merged sequence to read in each trace, in the order of the traces; the last traced one when left out. */
  positions: z.array(z.int().nonnegative()).min(2).max(6).optional(),
  /** Runs the models again and keeps every token, so that the divergences are exact. */
  exact: z.boolean().default(false),
  /** A token counts as topping a layer when its rank there is at most this. */
  topRank: z.int().min(1).max(10).default(1),
});

/** One number per aligned layer with the bounds between which the exact one lies. */
const boundedCurve = z.object({
  value: z.array(z.number()),
  lower: z.array(z.number()),
  upper: z.array(z.number()),
});

/** From which layer on, 1…L; or why there is none. */
const emergenceStateSchema = z.union([z.int().positive(), z.enum(['never', 'not-asked'])]);

export const pairComparisonSchema = z.object({
  /** Trace ids; `a` is the first trace of the comparison. */
  a: idSchema,
  b: idSchema,
  /**
   * Layers 0…L laid over each other: by index when both traces have as many, by relative depth otherwise (the nearest
   * layer of the trace with more layers for each layer of the one with fewer).
   */
  alignment: z.enum(['index', 'relative-depth']),
  /** [layer of a, layer of b] by row of the curves. */
  layers: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])),
  /** False when the vocabularies differ, so that token ids cannot be compared and the curves are empty. */
  comparable: z.boolean(),
  /** Whether the curves were computed over the whole vocabulary. */
  exact: z.boolean(),
  /** How the curves were computed and what lies between the bounds, in English. */
  method: z.string(),
  /** Jensen–Shannon divergence, nats, at most ln 2. */
  jensenShannon: boundedCurve,
  /** Total variation, 0–1. */
  totalVariation: boundedCurve,
  /** Probability mass outside the kept tokens, [of a, of b]. */
  tailMass: z.array(z.tuple([z.number(), z.number()])),
  concepts: z.array(
    z.object({
      id: z.string(),
      label: z.object({ en: z.string(), ru: z.string() }),
      role: z.enum(['target', 'control']),
      /** Log-probability in b minus in a, nats, by row. */
      logProbDifference: z.array(z.number()),
      /** Rank in b minus rank in a, by row. */
      rankDifference: z.array(z.int()),
      /** Layer 1…L; whether it was asked is told apart from "never", which is a result. */
      emergence: z.tuple([emergenceStateSchema, emergenceStateSchema]),
      /** In layers of a's scale when both emerge and the layers align by index, else null. */
      emergenceDifference: z.int().nullable(),
    }),
  ),
});

export const comparisonSchema = z.object({
  schema: z.literal('fundus-lens.comparison/2'),
  traces: z.array(
    z.object({
      id: idSchema,
      imageId: idSchema.nullable(),
      modelName: z.string(),
      promptText: z.string(),
      numLayers: z.int().positive(),
      position: z.int().nonnegative(),
      /** What differs from the first trace. */
      differs: z.array(z.enum(['image', 'model', 'prompt', 'lens', 'concept-set', 'provider', 'position'])),
    }),
  ),
  /** The first trace with each other one. */
  pairs: z.array(pairComparisonSchema),
  /** Tokens that top any layer in any of the traces. */
  toppingTokens: z.array(
    z.object({
      tokenId: z.int().nonnegative(),
      text: z.string(),
      /** By trace: log-probability per layer, nats, null where the token is not among the kept ones; rank likewise. */
      logProb: z.array(z.array(z.number().nullable())),
      rank: z.array(z.array(z.int().positive().nullable())),
      /** By trace: the layers it tops. */
      topsLayers: z.array(z.array(z.int().nonnegative())),
    }),
  ),
  warnings: z.array(z.string()),
});

export type Comparison = z.infer<typeof comparisonSchema>;

export type PairComparison = z.infer<typeof pairComparisonSchema>;

export const compare = {
  run: call.input(compareInputSchema).output(comparisonSchema),
};
