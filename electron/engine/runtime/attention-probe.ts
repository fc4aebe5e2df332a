import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { writeOnnxModel } from '../onnx/onnx-writer.ts';
import { float32Data, float32Tensor, int32Tensor, Session, type Tensor } from './session.ts';

/** As in the vision tower: 80 wide heads, each with its own keys. */
const vision = { numHeads: 2, headDim: 80 } as const;
/** As in the decoder: 128 wide heads, two of which share their keys and values. */
const text = { numHeads: 4, numKeyValueHeads: 2, headDim: 128 } as const;
/** Longer than one tile of any kernel, and no multiple of one. */
const length = 75;
const tolerance = 1e-3;

/**
 * The ways in which a sequence meets attention, as rows in the cache and new rows: a prompt, a prompt that goes on
 * where a cached prefix ends, and one generated token. Each may have a kernel of its own.
 */
export const attentionCases = [
  { past: 0, rows: length },
  { past: 40, rows: length - 40 },
  { past: length - 1, rows: 1 },
] as const;

/**
 * Whether a provider's fused attention gives the cpu's numbers: MultiHeadAttention with a bias and, in each of the
 * {@link attentionCases}, GroupQueryAttention. Some WebGPU kernels skip keys on devices whose subgroups they do not
 * expect, without an error; only a computed result shows it.
 *
 * @see microsoft/onnxruntime#28520
 */
export async function computesFusedAttention(provider: ProviderName): Promise<boolean> {
  if (provider === 'cpu') return true;
  try {
    // A device that fails the first need not compile the kernels of the second.
    if (!agree(await attendWindowed(provider), await attendWindowed('cpu'))) return false;
    const [found, expected] = [await attendCausally(provider), await attendCausally('cpu')];
    return found.every((rows, index) => agree(rows, expected[index]!));
  } catch {
    return false;
  }
}

/** Whether two results are the same within what rounding explains; a number that is none differs from all. */
export function agree(found: Float32Array, expected: Float32Array): boolean {
  return (
    found.length === expected.length &&
    found.every((value, index) => Math.abs(value - expected[index]!) <= tolerance)
  );
}

/** float32 [length · width] */
async function attendWindowed(provider: ProviderName): Promise<Float32Array> {
  const session = await Session.create({ graph: buildWindowed(), weightsFolder: '.', provider });
  const { windowed } = await session.run(windowedFeeds(), ['windowed']);
  await session.release();
  return float32Data(windowed);
}

/**
 * Attends over one sequence in each of the {@link attentionCases}; equal rows give equal numbers.
 *
 * @returns by case, float32 [rows, 512]
 */
export async function attendCausally(provider: ProviderName): Promise<Float32Array[]> {
  const session = await Session.create({ graph: buildCausal(), weightsFolder: '.', provider });
  const results: Float32Array[] = [];
  let cache: readonly Float32Array[] = [];
  for (const { past, rows } of attentionCases) {
    const caches = ['present_key', 'present_value'];
    const outputs = await session.run(causalFeeds(cache, past, rows), ['causal', ...caches]);
    results.push(float32Data(outputs['causal']).slice());
    if (past === 0) cache = caches.map((name) => float32Data(outputs[name]).slice());
  }
  await session.release();
  return results;
}

function buildWindowed(): Uint8Array {
  const rows = [1, length, vision.numHeads * vision.headDim];
  return writeOnnxModel({
    name: 'windowed-attention-probe',
    nodes: [
      {
        name: 'MultiHeadAttention',
        opType: 'MultiHeadAttention',
        domain: 'com.microsoft',
        inputs: ['q', 'k', 'v', '', '', 'bias'],
        outputs: ['windowed'],
        attributes: { num_heads: BigInt(vision.numHeads) },
      },
    ],
    inputs: [...['q', 'k', 'v'].map((name) => float32(name, rows)), float32('bias', [1, 1, length, length])],
    outputs: [float32('windowed', rows)],
    initializers: [],
  });
}

function buildCausal(): Uint8Array {
  const { numHeads, numKeyValueHeads, headDim } = text;
  const cache = (side: string) => [1, numKeyValueHeads, side, headDim];
  const keyRows = [1, 'rows', numKeyValueHeads * headDim];
  return writeOnnxModel({
    name: 'causal-attention-probe',
    nodes: [
      {
        name: 'GroupQueryAttention',
        opType: 'GroupQueryAttention',
        domain: 'com.microsoft',
        inputs: ['q', 'k', 'v', 'past_key', 'past_value', 'last_position', 'total_length', 'cos', 'sin'],
        outputs: ['causal', 'present_key', 'present_value'],
        attributes: { num_heads: BigInt(numHeads), kv_num_heads: BigInt(numKeyValueHeads), do_rotary: 1n },
      },
    ],
    inputs: [
      float32('q', [1, 'rows', numHeads * headDim]),
      float32('k', keyRows),
      float32('v', keyRows),
      float32('past_key', cache('past')),
      float32('past_value', cache('past')),
      { name: 'last_position', type: 'int32', shape: [1] },
      { name: 'total_length', type: 'int32', shape: [] },
      float32('cos', ['total', headDim / 2]),
      float32('sin', ['total', headDim / 2]),
    ],
    outputs: [
      float32('causal', [1, 'rows', numHeads * headDim]),
      float32('present_key', cache('total')),
      float32('present_value', cache('total')),
    ],
    initializers: [],
  });
}

function float32(name: string, shape: readonly (number | string)[]) {
  return { name, type: 'float32' as const, shape };
}

function windowedFeeds(): Record<string, Tensor> {
  const shape = [1, length, vision.numHeads * vision.headDim];
  const tensor = (phase: number) => float32Tensor(wave(shape[1]! * shape[2]!, phase), shape);
  const bias = float32Tensor(wave(length * length, 3), [1, 1, length, length]);
  return { q: tensor(0), k: tensor(1), v: tensor(2), bias };
}

/**
 * Rows [past, past + rows) of the sequence.
 *
 * @param cache keys and values of the whole sequence, float32 [G, length, H] each; empty for none
 */
function causalFeeds(cache: readonly Float32Array[], past: number, rows: number): Record<string, Tensor> {
  const { numHeads, numKeyValueHeads, headDim } = text;
  const part = (heads: number, phase: number) => {
    const width = heads * headDim;
    const whole = wave(length * width, phase);
    return float32Tensor(whole.slice(past * width, (past + rows) * width), [1, rows, width]);
  };
  const kept = (index: number) => {
    const values = new Float32Array(numKeyValueHeads * past * headDim);
    for (let group = 0; group < numKeyValueHeads && past > 0; group++) {
      const start = group * length * headDim;
      values.set(cache[index]!.subarray(start, start + past * headDim), group * past * headDim);
    }
    return float32Tensor(values, [1, numKeyValueHeads, past, headDim]);
  };
  const total = past + rows;
  const angles = (turn: (angle: number) => number) =>
    float32Tensor(
      Float32Array.from({ length: total * (headDim / 2) }, (_, i) => turn(i * 0.0131)),
      [total, headDim / 2],
    );
  return {
    q: part(numHeads, 0),
    k: part(numKeyValueHeads, 1),
    v: part(numKeyValueHeads, 2),
    past_key: kept(0),
    past_value: kept(1),
    last_position: int32Tensor(Int32Array.of(total - 1), [1]),
    total_length: int32Tensor(Int32Array.of(total), []),
    cos: angles(Math.cos),
    sin: angles(Math.sin),
  };
}

function wave(size: number, phase: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(phase + i * 0.7131));
}
