import type { TraceSummaryView } from '../../../electron/contract/traces/traces.ts';
import type { Format } from '../../locales/format.ts';
import { visitText } from '../visits/visit-text.ts';

type Translate = (key: string) => string;

/** Whose photograph a trace reads: patient, eye, visit, file; what is not known is left out. */
export function traceName({ image }: Pick<TraceSummaryView, 'image'>, t: Translate, format: Format): string {
  if (image === null) return t('trace.promptAlone');
  const { patientCode, laterality, fileName, visitDate, visitLabel } = image;
  return [
    patientCode ?? '',
    laterality === 'unknown' ? '' : t(`eyes.short.${laterality}`),
    visitText({ date: visitDate, label: visitLabel ?? '' }, format),
    fileName,
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
