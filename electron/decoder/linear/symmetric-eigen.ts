import { transpose } from './gram.ts';

/** Eigenvalues and eigenvectors of a real symmetric matrix. */
export interface SymmetricEigen {
  /** float64 [N], largest first. */
  readonly values: Float64Array;
  /** float64 [N, N], row-major; column k is the unit eigenvector of values[k]. */
  readonly vectors: Float64Array;
}

/**
 * Householder tridiagonalisation, then implicit QL with Wilkinson's shifts (EISPACK's tred2 and tql2). Rotations are found
 * for many sweeps first, and then applied to four rows at a time, which stay in the cache meanwhile.
 *
 * @param matrix float64 [N, N], symmetric; only its lower triangle is read
 * @see Bowdler, Martin, Reinsch, Wilkinson (1968), "The QR and QL algorithms for symmetric matrices"
 */
export function decomposeSymmetric(matrix: Float64Array, size: number): SymmetricEigen {
  if (size === 0) return { values: new Float64Array(0), vectors: new Float64Array(0) };
  const { diagonal, offDiagonal, vectors } = tridiagonalise(matrix, size);
  findAndApplyRotations(diagonal, offDiagonal, vectors, size);
  return sortDescending(diagonal, vectors, size);
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** offDiagonal[i] couples i and i + 1. */
  readonly offDiagonal: Float64Array;
  /** Q, where matrix = Q·T·Qᵀ. */
  readonly vectors: Float64Array;
}

/** Reflects away what lies below the first off-diagonal, column by column, on the lower triangle. */
function tridiagonalise(matrix: Float64Array, size: number): Tridiagonal {
  const work = matrix.slice();
  const diagonal = new Float64Array(size);
  const offDiagonal = new Float64Array(size);
  const scales = new Float64Array(size);
  const reflector = new Float64Array(size);
  const product = new Float64Array(size);
  // The last row's reflector first: what is still to do is then always the leading square, rows of which are contiguous.
  for (let last = size - 1; last > 0; last--) {
    const row = last * size;
    let norm = 0;
    for (let k = 0; k < last; k++) norm += work[row + k]! ** 2;
    norm = Math.sqrt(norm);
    const lead = work[row + last - 1]!;
    diagonal[last] = work[row + last]!;
    let rest = 0;
    for (let k = 0; k < last - 1; k++) rest = Math.max(rest, Math.abs(work[row + k]!));
    if (rest === 0) {
      offDiagonal[last - 1] = lead;
      scales[last] = 0;
      continue;
    }
    const alpha = lead > 0 ? -norm : norm;
    offDiagonal[last - 1] = alpha;
    work[row + last - 1] = lead - alpha;
    // I − scale·v·vᵀ maps the row to alpha times the last unit vector.
    const scale = 1 / (alpha * (alpha - lead));
    scales[last] = scale;
    for (let k = 0; k < last; k++) reflector[k] = work[row + k]!;
    symmetricProduct(work, size, last, reflector, product);
    let inner = 0;
    for (let k = 0; k < last; k++) inner += reflector[k]! * product[k]!;
    const half = 0.5 * scale * scale * inner;
    for (let k = 0; k < last; k++) product[k] = scale * product[k]! - half * reflector[k]!;
    for (let i = 0; i < last; i++) {
      const v = reflector[i]!;
      const w = product[i]!;
      const at = i * size;
      for (let k = 0; k <= i; k++) work[at + k]! -= v * product[k]! + w * reflector[k]!;
    }
  }
  diagonal[0] = work[0]!;
  return { diagonal, offDiagonal, vectors: transpose(accumulate(work, scales, size), size, size) };
}

/** product = S·v for the leading square S of the given order, of which the lower triangle is held. */
function symmetricProduct(
  work: Float64Array,
  size: number,
  order: number,
  vector: Float64Array,
  product: Float64Array,
): void {
  product.fill(0, 0, order);
  for (let i = 0; i < order; i++) {
    const at = i * size;
    const v = vector[i]!;
    let sum = 0;
    for (let k = 0; k < i; k++) {
      const value = work[at + k]!;
      sum += value * vector[k]!;
      product[k]! += value * v;
    }
    product[i]! += sum + work[at + i]! * v;
  }
}

/** Columns of Q as rows: four of them through all reflections, each of which touches the leading places only. */
function accumulate(work: Float64Array, scales: Float64Array, size: number): Float64Array {
  const vectors = new Float64Array(size * size);
  for (let row = 0; row < size; row++) vectors[row * size + row] = 1;
  for (let first = 0; first < size; first += 4) {
    const a = first * size;
    const rows = Math.min(4, size - first);
    for (let last = first + 1; last < size; last++) {
      const scale = scales[last]!;
      if (scale === 0) continue;
      if (rows === 4) reflectFour(vectors, a, size, work, last, scale);
      else for (let row = 0; row < rows; row++) reflectOne(vectors, a + row * size, size, work, last, scale);
    }
  }
  return vectors;
}

function reflectOne(
  vectors: Float64Array,
  at: number,
  size: number,
  work: Float64Array,
  last: number,
  scale: number,
): void {
  const reflector = last * size;
  let inner = 0;
  for (let k = 0; k < last; k++) inner += work[reflector + k]! * vectors[at + k]!;
  inner *= scale;
  for (let k = 0; k < last; k++) vectors[at + k]! -= inner * work[reflector + k]!;
}

function reflectFour(
  vectors: Float64Array,
  first: number,
  size: number,
  work: Float64Array,
  last: number,
  scale: number,
): void {
  const reflector = last * size;
  const second = first + size;
  const third = second + size;
  const fourth = third + size;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let k = 0; k < last; k++) {
    const value = work[reflector + k]!;
    a += value * vectors[first + k]!;
    b += value * vectors[second + k]!;
    c += value * vectors[third + k]!;
    d += value * vectors[fourth + k]!;
  }
  a *= scale;
  b *= scale;
  c *= scale;
  d *= scale;
  for (let k = 0; k < last; k++) {
    const value = work[reflector + k]!;
    vectors[first + k]! -= a * value;
    vectors[second + k]! -= b * value;
    vectors[third + k]! -= c * value;
    vectors[fourth + k]! -= d * value;
  }
}

/** Sweeps whose rotations are held before they are applied; at order 1,000 they take 512 KiB. */
const sweepsHeld = 32;

/** Implicit QL on the tridiagonal matrix, which becomes diagonal; the rotations turn the columns of `vectors`. */
function findAndApplyRotations(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
  vectors: Float64Array,
  size: number,
): void {
  const cosines = new Float64Array(size * sweepsHeld);
  const sines = new Float64Array(size * sweepsHeld);
  const spans: { readonly begin: number; readonly end: number }[] = [];
  const apply = () => {
    for (let row = 0; row < size; row += 4) {
      const rows = Math.min(4, size - row);
      for (const [index, { begin, end }] of spans.entries()) {
        const at = index * size;
        if (rows === 4) turnFour(vectors, row * size, size, cosines, sines, at, begin, end);
        else
          for (let single = row; single < size; single++)
            turnOne(vectors, single * size, cosines, sines, at, begin, end);
      }
    }
    spans.length = 0;
  };
  for (let first = 0; first < size; first++) {
    for (let sweep = 0; ; sweep++) {
      let end = first;
      for (; end < size - 1; end++) {
        const neighbours = Math.abs(diagonal[end]!) + Math.abs(diagonal[end + 1]!);
        if (Math.abs(offDiagonal[end]!) <= Number.EPSILON * neighbours) break;
      }
      if (end === first) break;
      if (sweep === 100) throw new Error('The eigenvalues of a symmetric matrix did not converge.');
      const at = spans.length * size;
      const begin = sweepOnce(diagonal, offDiagonal, first, end, cosines, sines, at);
      spans.push({ begin, end });
      if (spans.length === sweepsHeld) apply();
    }
  }
  apply();
}

/** One QL sweep over first … end; returns the lowest index that was rotated. */
function sweepOnce(
  diagonal: Float64Array,
  offDiagonal: Float64Array,
  first: number,
  end: number,
  cosines: Float64Array,
  sines: Float64Array,
  at: number,
): number {
  let g = (diagonal[first + 1]! - diagonal[first]!) / (2 * offDiagonal[first]!);
  let r = Math.hypot(g, 1);
  g = diagonal[end]! - diagonal[first]! + offDiagonal[first]! / (g + (g >= 0 ? r : -r));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = end - 1; i >= first; i--) {
    const f = sine * offDiagonal[i]!;
    const b = cosine * offDiagonal[i]!;
    r = Math.sqrt(f * f + g * g);
    offDiagonal[i + 1] = r;
    if (r === 0) {
      diagonal[i + 1]! -= shift;
      offDiagonal[end] = 0;
      return i + 1;
    }
    sine = f / r;
    cosine = g / r;
    g = diagonal[i + 1]! - shift;
    const t = (diagonal[i]! - g) * sine + 2 * cosine * b;
    shift = sine * t;
    diagonal[i + 1] = g + shift;
    g = cosine * t - b;
    cosines[at + i] = cosine;
    sines[at + i] = sine;
  }
  diagonal[first]! -= shift;
  offDiagonal[first] = g;
  offDiagonal[end] = 0;
  return first;
}

/** One sweep's rotations of neighbouring columns, from `end` down to `begin`, in one row. */
function turnOne(
  vectors: Float64Array,
  row: number,
  cosines: Float64Array,
  sines: Float64Array,
  at: number,
  begin: number,
  end: number,
): void {
  let high = vectors[row + end]!;
  for (let i = end - 1; i >= begin; i--) {
    const cosine = cosines[at + i]!;
    const sine = sines[at + i]!;
    const low = vectors[row + i]!;
    vectors[row + i + 1] = sine * low + cosine * high;
    high = cosine * low - sine * high;
  }
  vectors[row + begin] = high;
}

/** The same in four rows, whose chains of operations do not wait for each other. */
function turnFour(
  vectors: Float64Array,
  first: number,
  size: number,
  cosines: Float64Array,
  sines: Float64Array,
  at: number,
  begin: number,
  end: number,
): void {
  const second = first + size;
  const third = second + size;
  const fourth = third + size;
  let a = vectors[first + end]!;
  let b = vectors[second + end]!;
  let c = vectors[third + end]!;
  let d = vectors[fourth + end]!;
  for (let i = end - 1; i >= begin; i--) {
    const cosine = cosines[at + i]!;
    const sine = sines[at + i]!;
    const lowA = vectors[first + i]!;
    const lowB = vectors[second + i]!;
    const lowC = vectors[third + i]!;
    const lowD = vectors[fourth + i]!;
    vectors[first + i + 1] = sine * lowA + cosine * a;
    vectors[second + i + 1] = sine * lowB + cosine * b;
    vectors[third + i + 1] = sine * lowC + cosine * c;
    vectors[fourth + i + 1] = sine * lowD + cosine * d;
    a = cosine * lowA - sine * a;
    b = cosine * lowB - sine * b;
    c = cosine * lowC - sine * c;
    d = cosine * lowD - sine * d;
  }
  vectors[first + begin] = a;
  vectors[second + begin] = b;
  vectors[third + begin] = c;
  vectors[fourth + begin] = d;
}

function sortDescending(diagonal: Float64Array, vectors: Float64Array, size: number): SymmetricEigen {
  const order = Array.from({ length: size }, (_, index) => index).sort((a, b) => diagonal[b]! - diagonal[a]!);
  const sorted = new Float64Array(size * size);
  for (let row = 0; row < size * size; row += size)
    for (let column = 0; column < size; column++) sorted[row + column] = vectors[row + order[column]!]!;
  return { values: Float64Array.from(order, (index) => diagonal[index]!), vectors: sorted };
}
