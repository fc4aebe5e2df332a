import type { ProviderName } from '../lens-trace/lens-trace.ts';
import { writeOnnxModel } from '../onnx/onnx-writer.ts';
import { computesFusedAttention } from './attention-probe.ts';
import { findWrongBlockProduct } from './block-probe.ts';
import { findCudaDevice, type DeviceIdentity } from './device-name.ts';
import { float32Data, float32Tensor, Session } from './session.ts';

/** What was seen of a provider on this machine. */
export interface ProviderProbe {
  /** null when it multiplies two matrices rightly, else what went wrong. */
  readonly failure: string | null;
  /** Whether its own attention kernels gave right numbers. */
  readonly fusedAttention: boolean;
  /** Why it cannot multiply rounded weights; null when it can, or was not asked. */
  readonly blockFailure: string | null;
  /** The CUDA device that it was on; null for other providers, which do not report it. */
  readonly cuda: DeviceIdentity | null;
}

/** Of a provider that cannot be used. */
export function failedProbe(failure: string): ProviderProbe {
  return { failure, fusedAttention: false, blockFailure: null, cuda: null };
}

/**
 * Tries a provider in this process; a driver that crashes takes the process with it.
 *
 * @param withBlocks whether to try products of rounded weights too
 */
export async function probeProvider(provider: ProviderName, withBlocks: boolean): Promise<ProviderProbe> {
  const { failure, cuda } = await multiplyMatrices(provider);
  if (failure !== null) return failedProbe(failure);
  return {
    failure,
    fusedAttention: await computesFusedAttention(provider),
    blockFailure: withBlocks ? await findWrongBlockProduct(provider) : null,
    cuda,
  };
}

async function multiplyMatrices(provider: ProviderName): Promise<Pick<ProviderProbe, 'failure' | 'cuda'>> {
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
    // While the session is there, the driver lists this process on its device.
    const cuda = provider === 'cuda' ? await findCudaDevice(process.pid) : null;
    await session.release();
    const isRight = product.join() === '7,10,15,22';
    return { failure: isRight ? null : `a wrong product: ${product.join(', ')}`, cuda };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error), cuda: null };
  }
}
