export type Random = () => number;

/** A whole number from 0 to `below` − 1. */
const pick = (random: Random, below: number): number => Math.floor(random() * below);

const oneOf = <T>(random: Random, list: readonly T[]): T => list[pick(random, list.length)]!;

/** Bytes that parsers count with. */
const numbers = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Changes 1–8 places of a file: bits, numbers, pieces taken out, doubled, brought from another file, or cut off. */
export function mutateBytes(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let change = 1 + pick(random, 8); change > 0; change--) result = changeOnce(result, other, random);
  return result;
}

function changeOnce(bytes: Buffer, other: Buffer, random: Random): Buffer {
  // Formats decide in their first bytes, so half of the changes happen there.
  const reach = random() < 0.5 ? Math.min(bytes.length, 512) : bytes.length;
  const at = pick(random, reach + 1);
  const length = 1 + pick(random, random() < 0.5 ? 8 : Math.max(1, bytes.length / 4));
  switch (pick(random, 7)) {
    case 0: {
      if (at < bytes.length) bytes[at]! ^= 1 << pick(random, 8);
      return bytes;
    }
    case 1: {
      const width = oneOf(random, [1, 2, 4]);
      const value = oneOf(random, numbers) % 256 ** width;
      if (at + width > bytes.length) return bytes;
      if (random() < 0.5) bytes.writeUIntLE(value, at, width);
      else bytes.writeUIntBE(value, at, width);
      return bytes;
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 4: {
      const from = pick(random, other.length + 1);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + length), bytes.subarray(at)]);
    }
    case 5: {
      const noise = Buffer.from(Array.from({ length: Math.min(length, 64) }, () => pick(random, 256)));
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
    }
    default:
      return bytes.subarray(0, at);
  }
}

/** Changes a text by words that its readers care about, or like bytes. */
export function mutateText(text: Buffer, other: Buffer, words: readonly string[], random: Random): Buffer {
  if (random() < 0.4) return mutateBytes(text, other, random);
  let result = text.toString('utf8');
  for (let change = 1 + pick(random, 4); change > 0; change--) {
    const at = pick(random, result.length + 1);
    const cut = random() < 0.5 ? 0 : pick(random, 20);
    result = result.slice(0, at) + oneOf(random, words) + result.slice(at + cut);
  }
  return Buffer.from(result);
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function strangeValue(random: Random): Json {
  const nested = (depth: number): Json => (depth === 0 ? 0 : [nested(depth - 1)]);
  return oneOf<() => Json>(random, [
    () => null,
    () => true,
    () => oneOf(random, [-1, 0, 0.5, 1, 2, 1.5, 255, 65_536, 2 ** 31, 2 ** 53, 1e15, 1e20, 1e308, -1e-308]),
    () =>
      oneOf(random, ['', '0', '__proto__', 'constructor', 'toString', '\ud800', '../../x', '(a+)+$', 'a\0b']),
    () => 'x'.repeat(oneOf(random, [10, 1000, 100_000])),
    () => [],
    () => ({}),
    () => nested(oneOf(random, [10, 2000])),
    () => ({ ['__proto__']: { type: 'x' }, constructor: 1, length: 1e9 }),
  ])();
}

/** Puts values that a reader does not expect into 1–3 places of a JSON file; now and then changes its text instead. */
export function mutateJson(text: Buffer, other: Buffer, words: readonly string[], random: Random): Buffer {
  if (random() < 0.25) return mutateText(text, other, words, random);
  let value: Json;
  try {
    value = JSON.parse(text.toString('utf8')) as Json;
  } catch {
    return mutateText(text, other, words, random);
  }
  for (let change = 1 + pick(random, 3); change > 0; change--) value = changeValue(value, random);
  return Buffer.from(JSON.stringify(value));
}

function changeValue(root: Json, random: Random): Json {
  let holder: Json = root;
  // Down along random keys; wide and shallow places come up as often as deep ones.
  for (;;) {
    if (typeof holder !== 'object' || holder === null) return strangeValue(random);
    const keys: string[] = Object.keys(holder);
    if (keys.length === 0) return random() < 0.5 ? root : strangeValue(random);
    const key = oneOf(random, keys);
    const inside = holder as Record<string, Json>;
    const next = inside[key] ?? null;
    if (next !== null && typeof next === 'object' && random() < 0.75) {
      holder = next;
      continue;
    }
    const kind = pick(random, 4);
    if (kind === 0 && Array.isArray(holder)) holder.splice(Number(key), 1);
    else if (kind === 0) Reflect.deleteProperty(inside, key);
    else if (kind === 1 && Array.isArray(holder)) holder.push(next, next);
    else if (kind === 2 && typeof next === 'number')
      inside[key] = next * oneOf(random, [-1, 0.5, 2, 1000, 1e9]);
    else inside[key] = strangeValue(random);
    return root;
  }
}
