import type { Patient } from '../../../electron/contract/images/patients.ts';

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** What is known of a patient beside the code, in one line: name, sex, year of birth. Empty when nothing is. */
export function patientText(patient: Pick<Patient, 'name' | 'sex' | 'birthYear'>, t: Translate): string {
  const { name, sex, birthYear } = patient;
  return [
    name ?? '',
    sex === null ? '' : t(`patients.sexes.${sex}`),
    birthYear === null ? '' : t('patients.born', { year: birthYear }),
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
