import { z } from 'zod';

/** What a reader of a trace should beware of; {@link warningText} puts it into words. */
export const traceWarningSchema = z.discriminatedUnion('code', [
  /** The prompt names concepts itself: their ids. */
  z.object({
    code: z.literal('prompt-names-concepts'),
    params: z.object({ concepts: z.array(z.string()) }),
  }),
  /** A better execution provider could not be used. */
  z.object({
    code: z.literal('provider-fallback'),
    params: z.object({ provider: z.string(), reason: z.string() }),
  }),
  /** The device holds only one of the model's graphs at a time. */
  z.object({ code: z.literal('graphs-in-turn') }),
  /** After each of this many first blocks, features of the vision tower were added at the image's positions. */
  z.object({ code: z.literal('deep-stack'), params: z.object({ blocks: z.int().positive() }) }),
  /** The lens leaves out the final norm. */
  z.object({ code: z.literal('raw-lens') }),
  /** The lens was fitted, and adds something of its own. */
  z.object({ code: z.literal('fitted-lens'), params: z.object({ lens: z.string() }) }),
  /** The lens is a mean Jacobian. */
  z.object({ code: z.literal('jacobian-lens'), params: z.object({ lens: z.string() }) }),
  /** The fitted lens has nothing for these layers, which are read by the logit lens. */
  z.object({
    code: z.literal('lens-layers-missing'),
    params: z.object({ lens: z.string(), layers: z.array(z.int().nonnegative()) }),
  }),
  /** The fitted lens comes from another prompt. */
  z.object({ code: z.literal('lens-other-prompt'), params: z.object({ lens: z.string() }) }),
  /** The image is among those that the lens was fitted on. */
  z.object({ code: z.literal('lens-fitted-on-image'), params: z.object({ lens: z.string() }) }),
  /** A sentence of another version of this software. */
  z.object({ code: z.literal('other'), text: z.string() }),
]);

export type TraceWarning = z.infer<typeof traceWarningSchema>;

/** Traces of before warnings had codes hold English sentences. */
export const storedWarningSchema = z.union([traceWarningSchema, z.string().transform(parseSentence)]);

/** A trace as it was stored, by this version or an earlier one, with its warnings as codes. */
export function withWarningCodes<T extends { readonly warnings: readonly (TraceWarning | string)[] }>(
  trace: T,
): T & { readonly warnings: readonly TraceWarning[] } {
  const warnings = trace.warnings.map((one) => (typeof one === 'string' ? parseSentence(one) : one));
  return { ...trace, warnings };
}

function parseSentence(text: string): TraceWarning {
  const concepts = /^The prompt itself names: (.*)\. What is read /.exec(text)?.[1];
  if (concepts !== undefined)
    return { code: 'prompt-names-concepts', params: { concepts: concepts.split(', ') } };
  const fallback =
    /^Runs on "(?<provider>\w+)" because the better providers cannot be used here: (?<reason>.*)\.$/s.exec(
      text,
    )?.groups;
  if (fallback !== undefined) {
    return {
      code: 'provider-fallback',
      params: { provider: fallback['provider']!, reason: fallback['reason']! },
    };
  }
  if (text.startsWith('The parts of the model take turns')) return { code: 'graphs-in-turn' };
  if (text.startsWith('The raw lens')) return { code: 'raw-lens' };
  return { code: 'other', text };
}
