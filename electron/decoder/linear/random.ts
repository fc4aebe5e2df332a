/** Numbers that follow from a seed: the same intervals and shuffles every time (sfc32, Chris Doty-Humphrey). */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in 0 … below − 1. */
  below(below: number): number;
}

export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const bits = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let warm = 0; warm < 15; warm++) bits();
  const next = () => bits() / 2 ** 32;
  return { next, below: (below) => Math.floor(next() * below) };
}

/** 0 … count − 1 in random order (Fisher and Yates). */
export function shuffledIndices(count: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const held = order[last]!;
    order[last] = order[other]!;
    order[other] = held;
  }
  return order;
}
