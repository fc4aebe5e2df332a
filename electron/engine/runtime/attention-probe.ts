import type { ProviderName } from '../../common/lens-trace.ts';
import { writeOnnxModel } from '../graph/onnx-writer.ts';
import { float32Data, float32Tensor, int32Tensor, Session, type Tensor } from './session.ts';

const numHeads = 2;
const headDim = 32;
const width = numHeads * headDim;
/** Longer than one tile of any kernel, and no multiple of one. */
const length = 75;
const tolerance = 1e-3;

/**
 * Whether a provider's fused attention gives the cpu's numbers: one MultiHeadAttention with a bias and one
 * GroupQueryAttention over a prompt. Some WebGPU kernels skip keys on devices whose subgroups they do not
 * expect, without an error; only a computed result tells.
 *
 * @see microsoft/onnxruntime#28520
 */
export async function computesFusedAttention(provider: ProviderName): Promise<boolean> {
  if (provider === 'cpu') return true;
  try {
    const [found, expected] = [await runProbe(provider), await runProbe('cpu')];
    return found.every((value, index) => Math.abs(value - expected[index]!) <= tolerance);
  } catch {
    return false;
  }
}

/** float32 [2 · length · width]: both operators' results, one after the other. */
async function runProbe(provider: ProviderName): Promise<Float32Array> {
  const session = await Session.create({ graph: buildProbe(), weightsFolder: '.', provider });
  const outputs = await session.run(probeFeeds(), ['windowed', 'causal']);
  await session.release();
  return Float32Array.of(...float32Data(outputs['windowed']), ...float32Data(outputs['causal']));
}

function buildProbe(): Uint8Array {
  const float32 = (name: string, shape: readonly number[]) => ({ name, type: 'float32' as const, shape });
  const rows = [1, length, width];
  const rotation = [length, headDim / 2];
  const past = [1, numHeads, 0, headDim];
  const domain = 'com.microsoft';
  return writeOnnxModel({
    name: 'attention-probe',
    nodes: [
      {
        name: 'MultiHeadAttention',
        opType: 'MultiHeadAttention',
        domain,
        inputs: ['q', 'k', 'v', '', '', 'bias'],
        outputs: ['windowed'],
        attributes: { num_heads: BigInt(numHeads) },
      },
      {
        name: 'GroupQueryAttention',
        opType: 'GroupQueryAttention',
        domain,
        inputs: ['q', 'k', 'v', 'past_key', 'past_value', 'last_position', 'total_length', 'cos', 'sin'],
        outputs: ['causal', 'present_key', 'present_value'],
        attributes: { num_heads: BigInt(numHeads), kv_num_heads: BigInt(numHeads), do_rotary: 1n },
      },
    ],
    inputs: [
      ...['q', 'k', 'v'].map((name) => float32(name, rows)),
      float32('bias', [1, 1, length, length]),
      float32('past_key', past),
      float32('past_value', past),
      { name: 'last_position', type: 'int32', shape: [1] },
      { name: 'total_length', type: 'int32', shape: [] },
      float32('cos', rotation),
      float32('sin', rotation),
    ],
    outputs: [
      float32('windowed', rows),
      float32('causal', rows),
      float32('present_key', [1, numHeads, length, headDim]),
      float32('present_value', [1, numHeads, length, headDim]),
    ],
    initializers: [],
  });
}

function probeFeeds(): Record<string, Tensor> {
  const wave = (shape: readonly number[], phase: number) => {
    const size = shape.reduce((product, side) => product * side, 1);
    return float32Tensor(
      Float32Array.from({ length: size }, (_, i) => 2 * Math.sin(phase + i * 0.7131)),
      shape,
    );
  };
  const rows = [1, length, width];
  const past = [1, numHeads, 0, headDim];
  return {
    q: wave(rows, 0),
    k: wave(rows, 1),
    v: wave(rows, 2),
    bias: wave([1, 1, length, length], 3),
    past_key: float32Tensor(new Float32Array(0), past),
    past_value: float32Tensor(new Float32Array(0), past),
    last_position: int32Tensor(Int32Array.of(length - 1), [1]),
    total_length: int32Tensor(Int32Array.of(length), []),
    cos: wave([length, headDim / 2], 4),
    sin: wave([length, headDim / 2], 5),
  };
}
