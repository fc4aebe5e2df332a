import { z } from 'zod';
import { fittedLensKinds, type FittedLensKind } from './lenses/fitted-lens.ts';
import { plainLenses, providerNames } from './lens-trace.ts';

/** Which positions of the sequence are read; numbers are 0-based in the prompt with the image's tokens spliced in. */
export const positionSelectionSchema = z.union([
  z.enum(['last', 'image', 'all']),
  z.array(z.int().nonnegative()).min(1).max(20_000),
]);

/** One image token. */
const minPixels = 28 * 28;

/** A lens that nothing was fitted for, or a fitted one: its kind, and the SHA-256 of its file. */
export const lensChoiceSchema = z.union([
  z.enum(plainLenses),
  z.templateLiteral([z.enum(fittedLensKinds), ':', z.string().regex(/^[0-9a-f]{64}$/)]),
]);

export type LensChoice = z.infer<typeof lensChoiceSchema>;

/** Kind and name, or hash, of a fitted lens as a choice writes them; null of the lenses that nothing was fitted for. */
export function fittedOf(choice: string): { readonly kind: FittedLensKind; readonly which: string } | null {
  const [, kind, which] = /^([a-z]+):(.+)$/s.exec(choice) ?? [];
  const known = fittedLensKinds.find((each) => each === kind);
  return known === undefined || which === undefined ? null : { kind: known, which };
}

/**
 * What a person decides about a trace, apart from image, model and concept set. Every default of a trace is here: the
 * contract's order, the queued job, the engine's request and the command line's options derive from it.
 */
export const traceRequestSchema = z.strictObject({
  prompt: z.string().min(1).max(20_000),
  lens: lensChoiceSchema.default('logit'),
  positions: positionSelectionSchema.default('last'),
  /** Largest area at which the model sees the image, pixels; null leaves the model's own limit. */
  maxPixels: z.int().min(minPixels).max(100_000_000).nullable().default(null),
  /** Tokens kept per layer and position, 1…V. */
  topK: z.int().min(1).max(1000).default(10),
  /** Tokens to generate greedily after the prompt; 0 for none. */
  generate: z.int().min(0).max(512).default(16),
  /** Whether the generated positions are traced too. */
  traceGenerated: z.boolean().default(false),
  /** Whether readability is judged against the control images and the prompt without any. */
  controls: z.boolean().default(true),
  provider: z.enum(['auto', ...providerNames]).default('auto'),
});

export type TraceRequest = z.output<typeof traceRequestSchema>;

/** The defaults of everything but the prompt. */
export const traceDefaults: Omit<TraceRequest, 'prompt'> = traceRequestSchema
  .omit({ prompt: true })
  .parse({});
