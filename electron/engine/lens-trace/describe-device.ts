import type { TraceModel } from './lens-trace.ts';

type Computed = Pick<
  TraceModel,
  'provider' | 'providerRequested' | 'device' | 'deviceMemoryBytes' | 'deviceMemoryUsedBytes'
>;

/** What a trace was computed on, as in `webgpu (asked: auto), NVIDIA GeForce RTX 4060, 5.3 of 8.6 GB`. */
export function describeDevice(model: Computed): string {
  const { provider, providerRequested, device, deviceMemoryBytes, deviceMemoryUsedBytes } = model;
  const asked = provider === providerRequested ? provider : `${provider} (asked: ${providerRequested})`;
  const memory =
    deviceMemoryUsedBytes == null
      ? null
      : deviceMemoryBytes == null
        ? `${gigabytes(deviceMemoryUsedBytes)} GB`
        : `${gigabytes(deviceMemoryUsedBytes)} of ${gigabytes(deviceMemoryBytes)} GB`;
  return [asked, device, memory].filter((part) => part != null).join(', ');
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}
