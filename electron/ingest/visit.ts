import type { Visit } from '../contract/images/visits.ts';

/**
 * A visit as the import hands it over, with the key that makes it one of a kind for its patient. A day is one visit:
 * cameras open a study for each eye or each device, and a person comes once. A study without a date is its own.
 */
export function visitFromParts(parts: {
  readonly studyUid?: string | null;
  readonly date?: string | null;
  readonly label?: string;
}): Pick<Visit, 'key' | 'date' | 'label' | 'studyUid'> | null {
  const { studyUid = null, date = null, label = '' } = parts;
  if (studyUid === null && date === null && label === '') return null;
  const key =
    studyUid === null
      ? `${date ?? ''}/${label.normalize('NFC')}`
      : date === null
        ? `study ${studyUid}`
        : `${date}/`;
  return { key, date, label: label.normalize('NFC'), studyUid };
}
