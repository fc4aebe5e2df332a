import type { AppSettings } from '../../contract/app/settings.ts';
import type { BackupLimits } from '../../store/library/backups.ts';

/** What the settings say of how many backups stay. */
export function backupLimits({ keep, keepDays, mostMegabytes }: AppSettings['backups']): BackupLimits {
  return { keep, keepDays, mostBytes: mostMegabytes * 1_000_000 };
}
