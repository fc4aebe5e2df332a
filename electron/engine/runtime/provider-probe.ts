import type { ProviderName } from '../../common/lens-trace.ts';
import { writeOnnxModel } from '../graph/onnx-writer.ts';
import { computesFusedAttention } from './attention-probe.ts';
import { float32Data, float32Tensor, Session } from './session.ts';

/** What was seen of a provider on this machine. */
export interface ProviderProbe {
  /** null when it multiplies two matrices rightly, else what went wrong. */
  readonly failure: string | null;
  /** Whether its own attention kernels gave right numbers. */
  readonly fusedAttention: boolean;
}

/** Tries a provider in this process; a driver that crashes takes the process with it. */
export async function probeProvider(provider: ProviderName): Promise<ProviderProbe> {
  const failure = await multiplyMatrices(provider);
  return { failure, fusedAttention: failure === null && (await computesFusedAttention(provider)) };
}

async function multiplyMatrices(provider: ProviderName): Promise<string | null> {
  const shape = [2, 2];
  const value = (name: string) => ({ name, type: 'float32' as const, shape });
  const graph = writeOnnxModel({
    name: 'probe',
    nodes: [
      { name: 'MatMul', opType: 'MatMul', domain: '', inputs: ['a', 'b'], outputs: ['c'], attributes: {} },
    ],
    inputs: [value('a'), value('b')],
    outputs: [value('c')],
    initializers: [],
  });
  try {
    const session = await Session.create({ graph, weightsFolder: '.', provider });
    const matrix = float32Tensor(Float32Array.of(1, 2, 3, 4), shape);
    const product = float32Data((await session.run({ a: matrix, b: matrix }, ['c']))['c']);
    await session.release();
    return product.join() === '7,10,15,22' ? null : `a wrong product: ${product.join(', ')}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
