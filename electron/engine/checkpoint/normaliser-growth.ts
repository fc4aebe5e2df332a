import { z } from 'zod';

const stepSchema = z.looseObject({ type: z.string() });
const sequenceSchema = z.looseObject({
  normalizers: z.array(z.unknown()).optional(),
  pretokenizers: z.array(z.unknown()).optional(),
});
const replaceSchema = z.looseObject({
  content: z.string().optional(),
  pattern: z.looseObject({ String: z.string().optional() }).optional(),
});
const prependSchema = z.looseObject({ prepend: z.string() });
const tokenizerSchema = z.looseObject({ normalizer: z.unknown(), pre_tokenizer: z.unknown() });

/**
 * How many times longer a text of one character or more can become before it is cut into tokens, at most: every step that
 * replaces or prepends counts, one after the other. Unicode's own forms are not counted.
 *
 * @param tokenizer the content of tokenizer.json
 */
export function largestGrowth(tokenizer: unknown): number {
  const { normalizer, pre_tokenizer } = tokenizerSchema.safeParse(tokenizer).data ?? {};
  return growthOf(normalizer) * growthOf(pre_tokenizer);
}

function growthOf(step: unknown): number {
  const type = stepSchema.safeParse(step).data?.type;
  if (type === 'Sequence') {
    const { normalizers = [], pretokenizers = [] } = sequenceSchema.safeParse(step).data ?? {};
    return [...normalizers, ...pretokenizers].reduce<number>(
      (product, inner) => product * growthOf(inner),
      1,
    );
  }
  if (type === 'Replace') {
    const { content = '', pattern } = replaceSchema.safeParse(step).data ?? {};
    // A regular expression may match the empty text between any two characters.
    const times = pattern?.String === undefined ? 1 + content.length : content.length / pattern.String.length;
    return Math.max(1, times);
  }
  if (type === 'Prepend') return 1 + (prependSchema.safeParse(step).data?.prepend.length ?? 0);
  return 1;
}
