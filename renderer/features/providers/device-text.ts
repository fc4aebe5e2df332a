import type { ProviderName } from '../../../electron/engine/lens-trace/lens-trace.ts';
import type { Format } from '../../locales/format.ts';

interface Computed {
  readonly provider: ProviderName;
  readonly device?: string | null | undefined;
  readonly deviceMemoryBytes?: number | null | undefined;
  readonly deviceMemoryUsedBytes?: number | null | undefined;
}

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** The provider, the name of its device, and how much of its memory was used, as far as each is known. */
export function deviceText(
  { provider, device, deviceMemoryBytes: total, deviceMemoryUsedBytes: used }: Computed,
  t: Translate,
  format: Format,
): string {
  const memory =
    used == null
      ? null
      : total == null
        ? t('devices.used', { used: format.bytes(used) })
        : t('devices.usedOf', { used: format.bytes(used), total: format.bytes(total) });
  return [t(`providers.${provider}`), device, memory].filter((part) => part != null).join(' · ');
}
