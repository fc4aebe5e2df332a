import { z } from 'zod';
import { fittedLensKinds, traceFittedLensSchema, type TraceFittedLens } from './lenses/fitted-lens.ts';
import { traceFidelitySchema } from './fidelity-report.ts';
import { storedWarningSchema, type TraceWarning } from './warnings.ts';

/** Lenses that nothing has to be fitted for; `raw` exists only to reproduce the notebook and is always labelled so. */
export const plainLenses = ['logit', 'raw'] as const;
export type PlainLens = (typeof plainLenses)[number];

export const lensKinds = [...plainLenses, ...fittedLensKinds] as const;
export type LensKind = (typeof lensKinds)[number];

export const providerNames = ['cpu', 'webgpu', 'cuda'] as const;
export type ProviderName = (typeof providerNames)[number];
export type ProviderChoice = ProviderName | 'auto';

/** Which positions of the merged sequence are read: a named span or 0-based positions. */
export type PositionSelection = 'last' | 'image' | 'all' | readonly number[];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

export const traceModelSchema = z.object({
  id: z.string(),
  family: z.string(),
  /** SHA-256 over the sorted list of the checkpoint's file names and their SHA-256. */
  sha256,
  numLayers: count,
  dModel: count,
  /** Rows of the unembedding. */
  vocabSize: count,
  /** Rows that belong to a token; logits from here on are masked. */
  tokenizerSize: count,
  weightDtype: z.string(),
  /** Of prepared weights: how close they are to the original ones; null when not measured, absent for published weights. */
  fidelity: traceFidelitySchema.nullish(),
  provider: z.enum(providerNames),
  providerRequested: z.enum([...providerNames, 'auto']),
  /** Why the first choice of provider was not used; null when it was. */
  providerFallback: z.string().nullable(),
  /** Name of the processor or GPU, where it is known. */
  device: z.string().nullish(),
  /** Memory of the device in all; null when unknown, or when it uses the host's. */
  deviceMemoryBytes: count.nullish(),
  /** What the engine's process held of it at the end of the trace, at most some seconds old; null when unknown. */
  deviceMemoryUsedBytes: count.nullish(),
});

export const traceImageSchema = z.object({
  sha256,
  /** Pixels, after EXIF orientation. */
  width: count,
  height: count,
  /** [width, height] after smart-resize, pixels. */
  resized: z.tuple([count, count]),
  /** Patches [t, h, w] over the photograph. */
  grid: z.tuple([count, count, count]),
  /** [rows, columns] of image tokens over the photograph; absent in earlier traces, where each covers 2 × 2 patches. */
  cells: z.tuple([count, count]).optional(),
  /** Area that this trace was limited to, pixels; absent where only the checkpoint's own limit held. */
  maxPixels: count.optional(),
});

const imagePieceSchema = z.object({
  /** Positions [start, end) of its tokens, row by row. */
  span: z.tuple([count, count]),
  /** [rows, columns] of its tokens. */
  cells: z.tuple([count, count]),
  /** Row and column of its first token among those over the photograph; null of a piece that shows all of it once more, smaller. */
  at: z.tuple([count, count]).nullable(),
});

export const tracePromptSchema = z.object({
  text: z.string(),
  /** The whole conversation as the checkpoint's own chat template renders it. */
  rendered: z.string(),
  tokenIds: z.array(count),
  /** Positions [start, end) from the first image token to the last; null for a prompt without an image. */
  imageSpan: z.tuple([count, count]).nullable(),
  /** The pieces into which the image is cut, with other tokens between them; absent where all tokens are one piece. */
  imagePieces: z.array(imagePieceSchema).optional(),
  /** Ids of concepts that the prompt itself names, so that the answer leaks into the reading. */
  leaks: z.array(z.string()),
});

export const conceptTokenSchema = z.object({
  id: count,
  text: z.string(),
  /** The surface forms that begin with this token. */
  forms: z.array(z.string()),
  /** The token is only the beginning of every form it stands for. */
  fragment: z.boolean(),
  /** Other words and concepts that begin with the same token. */
  sharedWith: z.array(z.string()),
});

/**
 * Emergence by position: the layer 1…L, or null, which is "never" where the position was asked at all: the answer by whole
 * words, positions of the image by first tokens.
 */
export const emergenceSchema = z.object({
  /** Id of the rule that judged; missing in traces from before there was more than one: a rank and a percentile of the controls. */
  rule: z.string().optional(),
  /** Largest rank that counted as readable under that first rule; null since. */
  maxRank: z.int().positive().nullable(),
  /**
   * By layer, the highest log-odds of the controls where the answer begins; under the first rule their 95th percentile. null
   * when the trace was not compared with controls.
   */
  controlLogOdds: z.array(z.number()).nullable(),
  /** The same over positions of the control images, for positions of the image; null when none were read. */
  imageControlLogOdds: z.array(z.number()).nullable(),
  layers: z.array(z.int().positive().nullable()),
});

const controlCounts = {
  /** Least p that so many controls allow. */
  attainableP: z.number(),
  numControls: count,
  /** Places in the trace's list of controls of those that show the concept, and were not compared with. */
  leftOut: z.array(count).readonly(),
};

/** What was found of a concept where the answer begins. */
export const findingSchema = z.discriminatedUnion('state', [
  z.object({
    state: z.enum(['readable', 'not-readable']),
    layer: z.int().positive().nullable(),
    /** By layer 0…L: rank p against the controls, and nats over the highest of them. */
    layers: z.array(z.object({ p: z.number(), effect: z.number() })).readonly(),
    tokenP: z.number().nullable(),
    q: z.number(),
    ...controlCounts,
  }),
  z.object({ state: z.literal('not-asked'), ...controlCounts }),
  z.object({
    state: z.literal('not-identifiable'),
    collisions: z.array(z.object({ form: z.string(), with: z.array(z.string()).readonly() })).readonly(),
  }),
]);

/** One of the pictures that do not show what is asked for, the prompt without any, or the traced image shuffled. */
export const controlSourceSchema = z.object({
  /** Of the image file; null without one, and for the traced image with its patches shuffled. */
  sha256: sha256.nullable(),
  kind: z.enum(['picture', 'no-image', 'shuffled']).optional(),
  /** Ids of concepts that it shows, and is no control for. */
  shows: z.array(z.string()).optional(),
});

export const generatedSchema = z.object({
  ids: z.array(count),
  text: z.string(),
  /** Whether generation ended at an end-of-sequence token, and not at the requested length. */
  ended: z.boolean(),
});

/** What of a trace was not computed in its own time, or not for it alone. */
export const reuseSchema = z.object({
  /** The vision output was remembered from an earlier trace. */
  vision: z.boolean(),
  /** So was the decoder's pass over the image and what stands before it. */
  prefix: z.boolean(),
  /** Images that went through vision tower and prefix together, in the time of this trace; 1 = this one alone. */
  batch: z.int().positive(),
});

export const timingsSchema = z.object({
  /** Milliseconds. */
  load: z.number(),
  image: z.number(),
  vision: z.number(),
  decoder: z.number(),
  controls: z.number(),
  lens: z.number(),
  generate: z.number(),
  total: z.number(),
  /** Absent for a prompt without an image, and in traces from before anything was remembered. */
  reuse: reuseSchema.optional(),
});

export const softwareSchema = z.object({
  name: z.literal('fundus-lens'),
  version: z.string(),
  onnxruntime: z.string(),
  node: z.string(),
  platform: z.string(),
});

export const gateSchema = z.object({
  /** Largest |lens − model| over the last position's logits, in logit units. */
  maxAbsDiff: z.number().nonnegative(),
  tolerance: z.number().positive(),
});

const perCell = <T extends z.ZodType>(item: T) => z.array(z.array(item));

/**
 * A trace as `--json` writes it (`fundus-lens.trace/1`). Cells are indexed [layer][position], and top-k
 * lists [layer][position][k], best first. Log-probabilities, entropies and divergences are in nats.
 */
export const lensTraceJsonSchema = z.object({
  schema: z.literal('fundus-lens.trace/1'),
  model: traceModelSchema,
  image: traceImageSchema.nullable(),
  prompt: tracePromptSchema,
  lens: z.enum(lensKinds),
  /** Which fitted lens; missing under lenses that nothing was fitted for. */
  fittedLens: traceFittedLensSchema.optional(),
  positions: z.array(count),
  /** 0…L; row 0 is the input to block 0. */
  layers: z.array(count),
  cells: z.object({
    topIds: perCell(z.array(count)),
    topTexts: perCell(z.array(z.string())),
    topLogProbs: perCell(z.array(z.number())),
    entropy: perCell(z.number()),
    klToFinal: perCell(z.number()),
    /** Euclidean norm of the pre-norm residual row; outliers over positions mark sinks. */
    residualNorm: perCell(z.number()),
  }),
  concepts: z.array(
    z.object({
      id: z.string(),
      label: z.object({ en: z.string(), ru: z.string() }),
      role: z.enum(['target', 'control']),
      tokens: z.array(conceptTokenSchema),
      logProb: perCell(z.number()),
      rank: perCell(z.int().positive()),
      parent: z.string().optional(),
      /** Whole words where the answer begins; missing in traces that read first tokens only. */
      words: z
        .object({
          /** By layer, nats, with the whole of branches that were bounded. */
          logProb: z.array(z.number()),
          /** By layer, as the rule compares them. */
          logOdds: z.array(z.number()),
          /** Branches that were too unlikely to be followed. */
          numBounded: count,
        })
        .optional(),
      finding: findingSchema.optional(),
      emergence: emergenceSchema,
    }),
  ),
  /** The same in plain sentences; missing in traces from before concepts were judged by whole words. */
  verdict: z.object({ en: z.array(z.string()), ru: z.array(z.string()) }).optional(),
  /** What the emergence of concepts was compared with; empty for nothing. */
  controls: z.array(controlSourceSchema),
  generated: generatedSchema,
  gate: gateSchema,
  timings: timingsSchema,
  software: softwareSchema,
  warnings: z.array(storedWarningSchema),
});

export type LensTraceJson = z.infer<typeof lensTraceJsonSchema>;
export type TraceModel = z.infer<typeof traceModelSchema>;
export type TraceImage = z.infer<typeof traceImageSchema>;
export type TracePrompt = z.infer<typeof tracePromptSchema>;
export type ImagePiece = z.infer<typeof imagePieceSchema>;
export type ConceptToken = z.infer<typeof conceptTokenSchema>;
export type Emergence = z.infer<typeof emergenceSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type ControlSource = z.infer<typeof controlSourceSchema>;
export type Generated = z.infer<typeof generatedSchema>;
export type Reuse = z.infer<typeof reuseSchema>;
export type Timings = z.infer<typeof timingsSchema>;
export type Software = z.infer<typeof softwareSchema>;
export type Gate = z.infer<typeof gateSchema>;

/** One concept read at every traced layer and position. */
export interface ConceptTrace {
  readonly id: string;
  readonly label: { readonly en: string; readonly ru: string };
  readonly role: 'target' | 'control';
  readonly tokens: readonly ConceptToken[];
  /** float32 [N, P], nats: log-sum-exp of the log-probabilities of the concept's tokens. */
  readonly logProb: Float32Array;
  /** int32 [N, P]: best rank among the concept's tokens, 1 = top. */
  readonly rank: Int32Array;
  readonly parent?: string | undefined;
  /** Whole words where the answer begins; missing in traces that read first tokens only. */
  readonly words?: WordCurve | undefined;
  /** By the rule that `emergence` names; missing in traces from before. */
  readonly finding?: Finding | undefined;
  readonly emergence: Emergence;
}

/** A concept's whole words where the answer begins, by layer 0…L. */
export interface WordCurve {
  /** float32 [N], nats, with the whole of branches that were bounded. */
  readonly logProb: Float32Array;
  /** float32 [N], nats, without them, as the rule compares them. */
  readonly logOdds: Float32Array;
  /** Branches that were too unlikely to be followed. */
  readonly numBounded: number;
}

/**
 * A trace in memory and between processes: N = L + 1 layers, P positions, K tokens kept per cell; arrays are
 * row-major with the layer outermost.
 */
export interface LensTrace {
  readonly schema: 'fundus-lens.trace/1';
  readonly model: TraceModel;
  readonly image: TraceImage | null;
  readonly prompt: TracePrompt;
  readonly lens: LensKind;
  readonly fittedLens?: TraceFittedLens | undefined;
  readonly positions: readonly number[];
  readonly layers: readonly number[];
  readonly topK: number;
  readonly cells: {
    /** int32 [N, P, K], best first. */
    readonly topIds: Int32Array;
    /** float32 [N, P, K], nats. */
    readonly topLogProbs: Float32Array;
    /** float32 [N, P], nats. */
    readonly entropy: Float32Array;
    /** float32 [N, P], nats: KL(p[L] ‖ p[l]) at the same position. */
    readonly klToFinal: Float32Array;
    /** float32 [N, P]: Euclidean norm of the residual row. */
    readonly residualNorm: Float32Array;
  };
  /** Text of every token id that occurs in `topIds`. */
  readonly tokenTexts: Readonly<Record<number, string>>;
  readonly concepts: readonly ConceptTrace[];
  readonly controls: readonly ControlSource[];
  readonly generated: Generated;
  readonly gate: Gate;
  readonly timings: Timings;
  readonly software: Software;
  readonly warnings: readonly TraceWarning[];
}
