import { z } from 'zod';
import type { ConceptSet } from './concept-set.ts';

export interface FidelityRequest {
  /** Prepared folder. */
  readonly prepared: string;
  /** The checkpoint that it was prepared from. */
  readonly reference: string;
  /** Image files; at least one. */
  readonly images: readonly string[];
  /** Prompts; every image is read with every prompt. */
  readonly prompts: readonly string[];
  /** Concepts whose ranks and emergence are compared; without it only tokens are. */
  readonly conceptSet?: ConceptSet;
}

export const fidelityStages = ['prepared', 'reference', 'compare'] as const;

/** Layers × cases done; a case is an image with a prompt. */
export interface FidelityProgress {
  readonly stage: (typeof fidelityStages)[number];
  readonly done: number;
  readonly total: number;
}

const share = z.number().min(0).max(1);
const layerSchema = z.object({
  /** 0…L; 0 is the input to block 0. */
  layer: z.int().nonnegative(),
  /** Share of positions whose most probable token is the same. */
  top1Agreement: share,
  /** The same over the positions where the reference's first token is ahead of its second by 0.1 nats or more. */
  top1AgreementClear: share,
  /** Mean and largest KL(reference ‖ prepared), nats. */
  meanKl: z.number(),
  maxKl: z.number(),
  /** Spearman's correlation of the concepts' log-probabilities over concepts, mean over positions; null with fewer than 3 concepts. */
  conceptRankCorrelation: z.number().nullable(),
  /** ‖prepared − reference‖ / ‖reference‖ of the residual rows, mean. */
  residualError: z.number(),
});

const emergenceChangeSchema = z.object({
  concept: z.string(),
  /** Index into `cases`. */
  case: z.int().nonnegative(),
  /** First layer 1…L from which on the first tokens are among the ten likeliest at the last position, null for none; no controls. */
  reference: z.int().positive().nullable(),
  prepared: z.int().positive().nullable(),
});

/** `fidelity.json`: how far the prepared weights' numbers are from those of the float32 weights. */
export const fidelityReportSchema = z.object({
  schema: z.literal('fundus-lens.fidelity/1'),
  /** `id` of the prepared.json that was judged. */
  preparedId: z.string(),
  reference: z.object({ path: z.string(), sha256: z.string() }),
  cases: z.array(z.object({ image: z.string(), imageSha256: z.string(), prompt: z.string() })),
  /** Positions compared in all. */
  positions: z.int().nonnegative(),
  layers: z.array(layerSchema),
  /** Over all layers and positions. */
  summary: z.object({
    top1Agreement: share,
    top1AgreementClear: share,
    worstLayerTop1Agreement: share,
    meanKl: z.number(),
    conceptRankCorrelation: z.number().nullable(),
    /**
     * Concepts × cases whose layer in `emergence` is another one, and how many were compared. A rank alone: it does not say
     * that anything is readable, which is not asked without controls.
     */
    emergenceChanged: z.int().nonnegative(),
    emergenceCompared: z.int().nonnegative(),
  }),
  /** Those that changed. */
  emergence: z.array(emergenceChangeSchema),
  provider: z.string(),
  software: z.object({ name: z.literal('fundus-lens'), version: z.string() }),
});
/** What a trace carries of the report on its weights. */
export const traceFidelitySchema = fidelityReportSchema.shape.summary;
export type TraceFidelity = z.infer<typeof traceFidelitySchema>;

export type FidelityReport = z.infer<typeof fidelityReportSchema>;
export type FidelityLayer = z.infer<typeof layerSchema>;
