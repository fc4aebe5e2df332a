import type { Visit } from '../../../electron/contract/images/visits.ts';
import type { Format } from '../../locales/format.ts';

/** When a visit was: its date in the locale's form, or what the archive called it; many call it by a date. */
export function visitText(visit: Pick<Visit, 'date' | 'label'> | null | undefined, format: Format): string {
  const written = visit?.date ?? visit?.label ?? '';
  return /^\d{4}-\d{2}-\d{2}$/.test(written) ? format.date(written) : written;
}
