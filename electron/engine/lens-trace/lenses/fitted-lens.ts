import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
/** Mean KL(p[L] ‖ p[l]) by layer 0…L, nats. */
const curve = z.array(z.number().nonnegative()).readonly();
const errorSchema = z.object({ logit: curve, lens: curve });
/** Beside the logit lens, on images that were not fitted on: over all positions, and where the answer begins. */
const errorsSchema = z.object({ positions: errorSchema, answer: errorSchema });

/** Lenses that are fitted to a model and kept as files. */
export const fittedLensKinds = ['shortcut', 'jacobian'] as const;
export type FittedLensKind = (typeof fittedLensKinds)[number];

const common = {
  name: z.string().min(1).max(200),
  model: z.object({
    id: z.string(),
    sha256,
    /** L, decoder blocks. */
    numLayers: z.int().positive(),
    dModel: z.int().positive(),
  }),
  /** Area that the images were limited to, pixels; null where only the checkpoint's own limit held. */
  maxPixels: z.int().positive().nullable(),
  /** SHA-256 of the image files; none of a lens that was fitted on texts. */
  images: z.object({ fitted: z.array(sha256).readonly(), heldOut: z.array(sha256).readonly() }),
  /** null where it is not known whose the images are. */
  patients: z.object({ fitted: count, heldOut: count }).nullable(),
  softwareVersion: z.string(),
  createdAt: z.iso.datetime(),
};

export const shortcutLensSchema = z.object({
  kind: z.literal('shortcut'),
  ...common,
  prompt: z.string(),
  ridge: z.number().nonnegative(),
  /** Positions that were fitted on: of the images' tokens and those after them. */
  rows: count,
  error: errorsSchema,
});

const jacobianLensSchema = z.object({
  kind: z.literal('jacobian'),
  ...common,
  /** null where the file does not say; lenses of the public format are fitted on many texts. */
  prompt: z.string().nullable(),
  /** Prompts that the Jacobian is a mean over. */
  numPrompts: count,
  /** Positions of these prompts; null where the file does not say. */
  rows: count.nullable(),
  /** Rows 0…L − 1 of the residual stream that have a matrix, ascending; the others are read by the logit lens. */
  layers: z.array(count).min(1).readonly(),
  /** null where it was not measured. */
  error: errorsSchema.nullable(),
  /** The file that this one was made of; null of one that was fitted as it is. */
  origin: z.object({ format: z.literal('jlens'), sha256 }).nullable(),
});

/** What is known of a fitted lens but its numbers: what it was fitted on, and how far from the end it reads on other images. */
export const fittedLensSchema = z.discriminatedUnion('kind', [shortcutLensSchema, jacobianLensSchema]);

export type ShortcutLens = z.infer<typeof shortcutLensSchema>;
export type JacobianLens = z.infer<typeof jacobianLensSchema>;
export type FittedLens = z.infer<typeof fittedLensSchema>;
export type LensErrors = z.infer<typeof errorsSchema>;

/** What a trace says of the fitted lens that it was read through. */
export const traceFittedLensSchema = z.object({
  name: common.name,
  /** null where the lens's file does not say. */
  prompt: z.string().nullable(),
  patients: common.patients,
  /** Of the lens's file. */
  sha256,
  /** Images; of a Jacobian lens, prompts. */
  numFitted: count,
  numHeldOut: count,
});

export type TraceFittedLens = z.infer<typeof traceFittedLensSchema>;
