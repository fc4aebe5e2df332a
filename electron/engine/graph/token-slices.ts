/** Consecutive rows of the unembedding. */
export interface TokenSlice {
  readonly start: number;
  readonly count: number;
}

/**
 * Splits a vocabulary so that no slice of the unembedding takes more than a buffer may; as few slices as possible, and
 * nearly equal ones.
 *
 * @param bytesPerToken of the largest buffer that holds a row of the unembedding
 */
export function sliceTokens(numTokens: number, bytesPerToken: number, maxBufferBytes: number): TokenSlice[] {
  const perSlice = Math.max(1, Math.min(numTokens, Math.floor(maxBufferBytes / bytesPerToken)));
  const numSlices = Math.ceil(numTokens / perSlice);
  const even = Math.ceil(numTokens / numSlices);
  return Array.from({ length: numSlices }, (_, index) => ({
    start: index * even,
    count: Math.min(even, numTokens - index * even),
  })).filter(({ count }) => count > 0);
}
