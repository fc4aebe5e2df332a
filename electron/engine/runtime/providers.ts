import type { ProviderChoice, ProviderName } from '../../common/lens-trace.ts';
import { writeOnnxModel } from '../graph/onnx-writer.ts';
import { computesFusedAttention } from './attention-probe.ts';
import { float32Tensor, float32Data, providerUnavailable, Session } from './session.ts';

export interface ChosenProvider {
  readonly provider: ProviderName;
  readonly requested: ProviderChoice;
  /** Why a better provider was passed over; null when the first choice is used. */
  readonly fallback: string | null;
  /** Whether the provider's own attention kernels gave right numbers on this machine. */
  readonly fusedAttention: boolean;
}

const preference: readonly ProviderName[] = ['cuda', 'webgpu', 'cpu'];

/**
 * Picks the execution provider: the one that was asked for, or under `auto` the first that multiplies two
 * matrices rightly on this machine.
 *
 * @throws FundusLensError `provider.unavailable` when a provider was asked for by name and does not work
 */
export async function chooseProvider(requested: ProviderChoice): Promise<ChosenProvider> {
  if (requested !== 'auto') {
    const failure = await probe(requested);
    if (failure !== null) throw providerUnavailable(requested, failure);
    return finish(requested, null);
  }
  const reasons: string[] = [];
  for (const provider of preference) {
    const failure = await probe(provider);
    if (failure === null) return finish(provider, reasons.length === 0 ? null : reasons.join('; '));
    reasons.push(`${provider}: ${shorten(failure)}`);
  }
  throw providerUnavailable('cpu', reasons.join('; '));

  async function finish(provider: ProviderName, fallback: string | null): Promise<ChosenProvider> {
    return { provider, requested, fallback, fusedAttention: await computesFusedAttention(provider) };
  }
}

/** @returns null when the provider works, else what went wrong */
async function probe(provider: ProviderName): Promise<unknown> {
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
    return error;
  }
}

/** The last clause of a runtime message, without source paths. */
function shorten(failure: unknown): string {
  const message = failure instanceof Error ? failure.message : String(failure);
  const sentence = message.split('\n')[0]!.replace(/^\/\S+ .*? was false\. /, '');
  return sentence.length > 160 ? `${sentence.slice(0, 157)}…` : sentence;
}
