import { z } from 'zod';
import { traceFidelitySchema } from './fidelity-report.ts';
import { storedWarningSchema, type TraceWarning } from './warnings.ts';

/** The lens variants; `raw` exists only to reproduce the notebook and is always labelled so. */
export const lensKinds = ['logit', 'raw'] as const;
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
  /** Patches [t, h, w]; a merged image token covers 2 × 2 of them. */
  grid: z.tuple([count, count, count]),
  /** Area that this trace was limited to, pixels; absent where only the checkpoint's own limit held. */
  maxPixels: count.optional(),
});

export const tracePromptSchema = z.object({
  text: z.string(),
  /** The whole conversation as the checkpoint's own chat template renders it. */
  rendered: z.string(),
  tokenIds: z.array(count),
  /** Positions [start, end) of the image tokens; null for a prompt without an image. */
  imageSpan: z.tuple([count, count]).nullable(),
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

/** Emergence by position: the layer 1…L, or null for "never", which is a result. */
export const emergenceSchema = z.object({
  /** Largest rank that counts as readable. */
  maxRank: z.int().positive(),
  /**
   * 95th percentile of the log-odds at the last prompt position over the controls, by layer, which text positions
   * have to exceed; null when the trace was not compared with controls.
   */
  controlLogOdds: z.array(z.number()).nullable(),
  /** The same over positions of the control images, for positions of the image; null when none were read. */
  imageControlLogOdds: z.array(z.number()).nullable(),
  layers: z.array(z.int().positive().nullable()),
});

/** A control: an image that does not show what is asked for, or the prompt without any image. */
export const controlSourceSchema = z.object({
  /** Of the image file; null for the prompt without any image. */
  sha256: sha256.nullable(),
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
      emergence: emergenceSchema,
    }),
  ),
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
export type ConceptToken = z.infer<typeof conceptTokenSchema>;
export type Emergence = z.infer<typeof emergenceSchema>;
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
  readonly emergence: Emergence;
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

/** The trace as nested arrays, for JSON; float32 values keep their full precision. */
export function lensTraceToJson(trace: LensTrace): LensTraceJson {
  const numLayers = trace.layers.length;
  const numPositions = trace.positions.length;
  const nest = (flat: ArrayLike<number>) => nestRows(flat, numLayers, numPositions);
  const nestTop = <T>(flat: ArrayLike<number>, map: (value: number) => T) =>
    nestRows(flat, numLayers * numPositions, trace.topK).reduce<T[][][]>((layers, row, index) => {
      if (index % numPositions === 0) layers.push([]);
      layers.at(-1)!.push(row.map(map));
      return layers;
    }, []);
  const { cells, concepts, tokenTexts } = trace;
  return {
    schema: trace.schema,
    model: trace.model,
    image: trace.image,
    prompt: trace.prompt,
    lens: trace.lens,
    positions: [...trace.positions],
    layers: [...trace.layers],
    cells: {
      topIds: nestTop(cells.topIds, (id) => id),
      topTexts: nestTop(cells.topIds, (id) => tokenTexts[id] ?? ''),
      topLogProbs: nestTop(cells.topLogProbs, (value) => value),
      entropy: nest(cells.entropy),
      klToFinal: nest(cells.klToFinal),
      residualNorm: nest(cells.residualNorm),
    },
    concepts: concepts.map(({ id, label, role, tokens, logProb, rank, emergence }) => ({
      id,
      label,
      role,
      tokens: [...tokens],
      logProb: nest(logProb),
      rank: nest(rank),
      emergence,
    })),
    controls: [...trace.controls],
    generated: trace.generated,
    gate: trace.gate,
    timings: trace.timings,
    software: trace.software,
    warnings: [...trace.warnings],
  };
}

function nestRows(flat: ArrayLike<number>, rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => flat[row * columns + column]!),
  );
}
