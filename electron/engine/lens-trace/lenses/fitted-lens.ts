import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
/** Mean KL(p[L] ‖ p[l]) by layer 0…L, nats. */
const curve = z.array(z.number().nonnegative()).readonly();
const errorSchema = z.object({ logit: curve, lens: curve });

/** What is known of a fitted lens but its numbers: what it was fitted on, and how far from the end it reads on other images. */
export const fittedLensSchema = z.object({
  kind: z.literal('shortcut'),
  name: z.string().min(1).max(200),
  model: z.object({
    id: z.string(),
    sha256,
    /** L, decoder blocks. */
    numLayers: z.int().positive(),
    dModel: z.int().positive(),
  }),
  prompt: z.string(),
  /** Area that the images were limited to, pixels; null where only the checkpoint's own limit held. */
  maxPixels: z.int().positive().nullable(),
  ridge: z.number().nonnegative(),
  /** Positions that were fitted on: of the images' tokens and those after them. */
  rows: count,
  /** SHA-256 of the image files. */
  images: z.object({ fitted: z.array(sha256).readonly(), heldOut: z.array(sha256).readonly() }),
  /** null where it is not known whose the images are. */
  patients: z.object({ fitted: count, heldOut: count }).nullable(),
  /** Beside the logit lens, on images that were not fitted on: over all positions, and where the answer begins. */
  error: z.object({ positions: errorSchema, answer: errorSchema }),
  softwareVersion: z.string(),
  createdAt: z.iso.datetime(),
});

export type FittedLens = z.infer<typeof fittedLensSchema>;

/** What a trace says of the fitted lens that it was read through. */
export const traceFittedLensSchema = fittedLensSchema
  .pick({ name: true, prompt: true, patients: true })
  .extend({
    /** Of the lens's file. */
    sha256,
    numFitted: count,
    numHeldOut: count,
  });

export type TraceFittedLens = z.infer<typeof traceFittedLensSchema>;
