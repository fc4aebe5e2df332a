import { FundusLensError } from '../../contract/errors.ts';
import type { Tokenizer } from '../checkpoint/tokenizer.ts';
import type { TapRequest } from './tap-request.ts';

/**
 * Tokens with which answers of two kinds begin.
 *
 * @returns token ids of `yes`, then of `no`; none is in both
 * @throws FundusLensError `input.invalid` when the tokenizer does not tell the two apart by their first token
 */
export function resolveContrast(
  tokenizer: Pick<Tokenizer, 'encode'>,
  { yes, no }: NonNullable<TapRequest['contrast']>,
): [number[], number[]] {
  const first = (answers: readonly string[]) =>
    new Set(answers.flatMap((text) => tokenizer.encode(text).slice(0, 1)));
  const [positive, negative] = [first(yes), first(no)];
  const only = (own: Set<number>, other: Set<number>) => [...own].filter((id) => !other.has(id));
  const tokens: [number[], number[]] = [only(positive, negative), only(negative, positive)];
  if (tokens.every(({ length }) => length > 0)) return tokens;
  throw new FundusLensError(
    'input.invalid',
    'The model does not tell these answers apart by their first token.',
    {
      expected: 'answers that begin with different tokens',
      found: `${yes.join(', ')} and ${no.join(', ')}`,
      advice: 'Give other forms of the answers.',
    },
  );
}
