import type { ProviderChoice, ProviderName } from '../lens-trace/lens-trace.ts';
import type { ProvidersReport, ProviderStatus, ProviderTrouble } from '../../contract/models/providers.ts';
import { createMemoryMeter } from './device-memory.ts';
import {
  identifyControllers,
  identifyDevice,
  identifyProcessor,
  isSoftware,
  type DeviceIdentity,
} from './device-name.ts';
import { findLoaderMessage, unloadable } from './loader-message.ts';
import { hasCudaLibrary, providerLibrariesFolder } from './onnxruntime-files.ts';
import { probeInChild } from './probe-in-child.ts';
import { failedProbe, type ProviderProbe } from './provider-probe.ts';
import { onnxruntimeVersion, providerUnavailable } from './session.ts';

export interface ChosenProvider extends DeviceIdentity {
  readonly provider: ProviderName;
  readonly requested: ProviderChoice;
  /** Why a better provider was passed over; null when the first choice is used. */
  readonly fallback: string | null;
  /** Whether the provider's own attention kernels gave right numbers on this machine. */
  readonly fusedAttention: boolean;
  /** Device memory that this process holds, bytes; see `measureDeviceMemory`. */
  readonly measureMemory: () => Promise<number | null>;
}

/** What a model needs of a provider. */
export interface ProviderNeeds {
  /** Whether it has weights of 4 or 8 bits. */
  readonly blocks?: boolean;
}

/** Of a provider on this machine. */
export interface SeenProvider extends ProviderProbe, DeviceIdentity {
  readonly provider: ProviderName;
}

const preference: readonly ProviderName[] = ['cuda', 'webgpu', 'cpu'];

/**
 * Picks the execution provider: the one that was asked for, or under `auto` the first that multiplies two
 * matrices, and rounded weights where the model has them, rightly on this machine and is more than a program. All but the cpu are tried in a
 * process of their own first.
 *
 * @throws FundusLensError `provider.unavailable` when a provider was asked for by name and does not work
 */
export async function chooseProvider(
  requested: ProviderChoice,
  { blocks = false }: ProviderNeeds = {},
): Promise<ChosenProvider> {
  const reasons: string[] = [];
  for (const provider of requested === 'auto' ? preference : [requested]) {
    const seen = await tryProvider(provider, blocks);
    const failure = seen.failure ?? seen.blockFailure ?? (requested === 'auto' ? whySlow(seen) : null);
    if (failure === null) {
      const { fusedAttention, device, deviceMemoryBytes } = seen;
      const fallback = reasons.length === 0 ? null : reasons.join('; ');
      const measureMemory = createMemoryMeter(provider);
      return { provider, requested, fallback, fusedAttention, device, deviceMemoryBytes, measureMemory };
    }
    if (requested !== 'auto') throw providerUnavailable(provider, failure);
    reasons.push(`${provider}: ${shorten(failure)}`);
  }
  throw providerUnavailable('cpu', reasons.join('; '));
}

/** Why a provider that works is left alone unless it is asked for by name. */
function whySlow({ device }: DeviceIdentity): string | null {
  return isSoftware(device)
    ? `${device} is a program on the processor, slower than the processor itself`
    : null;
}

/** Tries one provider and names its device. */
export async function tryProvider(provider: ProviderName, blocks: boolean): Promise<SeenProvider> {
  if (provider === 'cpu') {
    const works = { failure: null, fusedAttention: true, blockFailure: null, cuda: null };
    return { provider, ...works, ...identifyProcessor() };
  }
  // Where no driver's log will name the device, the system is asked meanwhile: that takes as long as the trial.
  const listed = provider === 'webgpu' && process.platform !== 'linux' ? identifyControllers() : null;
  const { log, ...probe } =
    provider === 'cuda' && !hasCudaLibrary()
      ? { ...failedProbe('the CUDA library of ONNX Runtime is not installed'), log: '' }
      : await probeInChild(provider, { withBlocks: blocks });
  const failure =
    probe.failure !== null && provider === 'cuda' ? (findLoaderMessage(log) ?? probe.failure) : probe.failure;
  const identity =
    probe.failure === null
      ? (probe.cuda ?? (await identifyDevice(log, listed === null ? identifyControllers : () => listed)))
      : { device: null, deviceMemoryBytes: null };
  return { provider, ...probe, failure, ...identity };
}

/** The last clause of a runtime message, without source paths. */
function shorten(message: string): string {
  const sentence = message.split('\n')[0]!.replace(/^\/\S+ .*? was false\. /, '');
  return sentence.length > 240 ? `${sentence.slice(0, 237)}…` : sentence;
}

function classify(provider: ProviderName, failure: string): ProviderTrouble {
  if (provider === 'cuda' && !hasCudaLibrary()) return 'no-library';
  if (failure.startsWith(unloadable)) return 'library-fails';
  return /No supported adapters|Failed to get a WebGPU adapter|no CUDA-capable device/i.test(failure)
    ? 'no-device'
    : 'other';
}

/** Every provider in the order of `auto`, each tried on this machine in a process of its own. */
export async function listProviders(): Promise<ProvidersReport> {
  const providers: ProviderStatus[] = [];
  for (const name of preference) {
    const { provider, failure, fusedAttention, blockFailure, device, deviceMemoryBytes } = await tryProvider(
      name,
      true,
    );
    providers.push({
      provider,
      works: failure === null,
      failure: failure === null ? null : shorten(failure),
      trouble: failure === null ? null : classify(name, failure),
      software: isSoftware(device),
      fusedAttention,
      blockFailure,
      device,
      deviceMemoryBytes,
    });
  }
  return {
    providers,
    runtime: {
      version: onnxruntimeVersion,
      folder: providerLibrariesFolder(),
      platform: `${process.platform}/${process.arch}`,
    },
  };
}
