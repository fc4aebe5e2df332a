import { FundusLensError } from '../../contract/errors.ts';
import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import { resolveContrast } from '../stages/resolve-contrast.ts';
import type { CausalRequest } from '../lens-trace/causal-request.ts';

/**
 * Tokens with which an answer begins that says A, and one that says B; a single letter or byte tells of neither.
 *
 * @returns none is in both
 * @throws FundusLensError `input.invalid` when the tokenizer does not tell the two apart by their first token
 */
export function resolveAnswers(
  tokenizer: Pick<Tokenizer, 'encode' | 'tokenText'>,
  { a, b }: CausalRequest['contrast'],
): [number[], number[]] {
  const telling = (answers: readonly string[]) =>
    answers.filter((text) => {
      const [first, ...rest] = tokenizer.encode(text);
      if (first === undefined) return false;
      return rest.length === 0 || lettersOf(tokenizer.tokenText(first)) > 1;
    });
  const [yes, no] = [telling(a), telling(b)];
  if (yes.length > 0 && no.length > 0) return resolveContrast(tokenizer, { yes, no });
  throw new FundusLensError('input.invalid', 'The model cannot tell these answers by their first token.', {
    expected: 'answers of which the first token has more than one letter',
    found: (yes.length === 0 ? a : b).join(', '),
    advice: 'Give other words for the answer, or use a model whose vocabulary has them.',
  });
}

/** Bytes that are no character of their own, shown as ⟨hex⟩, are no letters. */
function lettersOf(tokenText: string): number {
  return tokenText.replaceAll(/⟨[^⟩]*⟩/g, '').trim().length;
}
