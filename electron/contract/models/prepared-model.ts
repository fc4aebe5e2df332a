import { z } from 'zod';

/** Weight formats that a checkpoint can be prepared in. */
export const weightFormats = ['float16', 'int8', 'int4'] as const;
export type WeightFormat = (typeof weightFormats)[number];

/** Integer formats hold one scale, and when asymmetric one zero point, per block of this many columns. */
export const blockSizes = [16, 32, 64, 128] as const;
export type BlockSize = (typeof blockSizes)[number];

/**
 * How the weights are to be written; the same source and options always give the same bytes. With calibration that holds
 * on one processor: another may sum what it observes in another order, and a weight in the middle goes the other way.
 */
export interface PrepareOptions {
  readonly format: WeightFormat;
  /** 32 unless said otherwise; of integer formats only. */
  readonly blockSize?: BlockSize;
  /** false, the default, stores a zero point per block, which fits skewed blocks better. */
  readonly symmetric?: boolean;
  /**
   * Formats of the sensitive parts: int8 in an int4 model, float16 otherwise. What rounding does to image tokens and to
   * the decoder's first block stays in the residual stream of all layers.
   */
  readonly keep?: {
    readonly unembedding?: WeightFormat;
    readonly vision?: WeightFormat;
    readonly firstBlock?: WeightFormat;
  };
  /** Of int4 only: photographs to look at, so that errors of rounding cancel where inputs go together. */
  readonly calibration?: CalibrationRequest;
}

export interface CalibrationRequest {
  /** Image files; at least one, and better none that the result is judged on. */
  readonly images: readonly string[];
  /** At least one; image i is read with prompt i, beginning anew after the last. */
  readonly prompts: readonly string[];
}

export interface PrepareRequest extends PrepareOptions {
  /** Checkpoint folder as Hugging Face lays it out. */
  readonly source: string;
  /** Folder to make; must not exist. While it is being made, `<target>.preparing` holds what is finished. */
  readonly target: string;
}

export const prepareStages = ['hash', 'calibrate', 'weights', 'verify'] as const;
export type PrepareStage = (typeof prepareStages)[number];

/** Bytes read of the source (`hash`, `weights`) or of the result (`verify`); blocks run (`calibrate`). */
export interface PrepareProgress {
  readonly stage: PrepareStage;
  readonly done: number;
  readonly total: number;
  /** The tensor that was finished last, by its canonical name; null before the first. */
  readonly tensor: string | null;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

/** A byte range of the prepared folder's weights file. */
const rangeSchema = z.object({ offset: count, bytes: count });

/**
 * How one tensor is stored. `as-stored` keeps the source's dtype; integer formats are row-major blocks of
 * `blockSize` columns, unsigned with zero point 8 (4 bits, two to a byte, low half first) or 128 (8 bits)
 * unless `zeroPoints` says otherwise: w = (q − zeroPoint) · scale, scales float32 [rows, blocks].
 */
export const preparedTensorSchema = z.object({
  /** Canonical name. */
  name: z.string(),
  shape: z.array(count),
  format: z.enum([...weightFormats, 'float32', 'bfloat16']),
  data: rangeSchema,
  blockSize: count.nullable(),
  scales: rangeSchema.nullable(),
  zeroPoints: rangeSchema.nullable(),
  /** SHA-256 over the tensor's data, scales and zero points, one after the other. */
  sha256,
  /** ‖prepared − source‖ / ‖source‖, Frobenius. */
  relativeError: z.number().nonnegative(),
});

/** `prepared.json`: what a prepared folder holds and what it was made from. */
export const preparedManifestSchema = z.object({
  schema: z.literal('fundus-lens.prepared/1'),
  /** Of source and options: equal ids have equal weights. */
  id: sha256,
  source: z.object({
    /** Where it lay when it was prepared. */
    path: z.string(),
    /** Name that traces show. */
    name: z.string(),
    /** As a trace's `model.sha256`. */
    sha256,
    bytes: count,
  }),
  format: z.enum(weightFormats),
  blockSize: count,
  symmetric: z.boolean(),
  keep: z.object({
    unembedding: z.enum(weightFormats),
    vision: z.enum(weightFormats),
    firstBlock: z.enum(weightFormats),
  }),
  /** What the weights were calibrated on; null, and missing in older manifests, when on nothing. */
  calibration: z
    .object({
      images: z.array(z.object({ name: z.string(), sha256 })),
      prompts: z.array(z.string()),
    })
    .nullable()
    .default(null),
  tensors: z.array(preparedTensorSchema),
  /** Every file of the folder but prepared.json and fidelity.json. */
  files: z.array(z.object({ name: z.string(), bytes: count, sha256 })),
  software: z.object({ name: z.literal('fundus-lens'), version: z.string() }),
});
export type PreparedTensor = z.infer<typeof preparedTensorSchema>;
export type PreparedManifest = z.infer<typeof preparedManifestSchema>;

/** Names of the files that only prepared folders have. */
export const preparedFiles = {
  manifest: 'prepared.json',
  weights: 'weights.bin',
  fidelity: 'fidelity.json',
} as const;
