import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import path from 'node:path';
import type { ProviderChoice, ProviderName } from '../../common/lens-trace.ts';
import { probeInChild } from './probe-in-child.ts';
import type { ProviderProbe } from './provider-probe.ts';
import { providerUnavailable } from './session.ts';

export interface ChosenProvider {
  readonly provider: ProviderName;
  readonly requested: ProviderChoice;
  /** Why a better provider was passed over; null when the first choice is used. */
  readonly fallback: string | null;
  /** Whether the provider's own attention kernels gave right numbers on this machine. */
  readonly fusedAttention: boolean;
  /** The processor's name; null where the runtime does not tell that of the device. */
  readonly device: string | null;
}

const preference: readonly ProviderName[] = ['cuda', 'webgpu', 'cpu'];

/**
 * Picks the execution provider: the one that was asked for, or under `auto` the first that multiplies two
 * matrices rightly on this machine. All but the cpu are tried in a process of their own first.
 *
 * @throws FundusLensError `provider.unavailable` when a provider was asked for by name and does not work
 */
export async function chooseProvider(requested: ProviderChoice): Promise<ChosenProvider> {
  const reasons: string[] = [];
  for (const provider of requested === 'auto' ? preference : [requested]) {
    const { failure, fusedAttention } = await probe(provider);
    if (failure === null) {
      const fallback = reasons.length === 0 ? null : reasons.join('; ');
      return { provider, requested, fallback, fusedAttention, device: nameDevice(provider) };
    }
    if (requested !== 'auto') throw providerUnavailable(provider, failure);
    reasons.push(`${provider}: ${shorten(failure)}`);
  }
  throw providerUnavailable('cpu', reasons.join('; '));
}

async function probe(provider: ProviderName): Promise<ProviderProbe> {
  if (provider === 'cpu') return { failure: null, fusedAttention: true };
  if (provider === 'cuda' && !hasCudaLibrary())
    return { failure: 'the CUDA library of ONNX Runtime is not installed', fusedAttention: false };
  return probeInChild(provider);
}

/** The library is a download of its own, which nobody gets without asking for it. */
function hasCudaLibrary(): boolean {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = path.join(path.dirname(entry), '../bin/napi-v6', process.platform, process.arch);
  return ['libonnxruntime_providers_cuda.so', 'onnxruntime_providers_cuda.dll'].some((name) =>
    existsSync(path.join(folder, name)),
  );
}

function nameDevice(provider: ProviderName): string | null {
  return provider === 'cpu' ? (cpus()[0]?.model.trim() ?? null) : null;
}

/** The last clause of a runtime message, without source paths. */
function shorten(message: string): string {
  const sentence = message.split('\n')[0]!.replace(/^\/\S+ .*? was false\. /, '');
  return sentence.length > 160 ? `${sentence.slice(0, 157)}…` : sentence;
}
