import type { ImportRecord } from '../../contract/imports/import-store.ts';
import { parseDate } from '../dicom/attributes.ts';
import { visitFromParts } from '../visit.ts';

/**
 * What the folders below the imported one mean, from the outermost: names out of `patient`, `visit` and `*`, joined
 * by slashes. `patient/visit` reads P12/2024-02-29/od.jpg; an empty rule reads nothing.
 */
export type FolderRule = readonly ('patient' | 'visit' | '*')[];

/** @returns null when the rule has another word, or a word twice, or a visit without a patient */
export function parseFolderRule(text: string): FolderRule | null {
  const words = text === '' ? [] : text.toLowerCase().split('/');
  const named = words.filter((word) => word !== '*');
  if (!words.every((word) => word === 'patient' || word === 'visit' || word === '*')) return null;
  if (new Set(named).size !== named.length) return null;
  return named.includes('visit') && !named.includes('patient') ? null : words;
}

/** @param folders names of the folders between the imported one and the file, outermost first */
export function applyFolderRule(
  rule: FolderRule,
  folders: readonly string[],
): Pick<ImportRecord, 'patient' | 'visit'> {
  const part = (word: 'patient' | 'visit') => {
    const index = rule.indexOf(word);
    return index < 0 ? '' : (folders[index] ?? '').normalize('NFC').trim();
  };
  const code = part('patient');
  if (code === '') return { patient: null, visit: null };
  const label = part('visit');
  return {
    patient: { code, name: null, birthYear: null, sex: null },
    visit: visitFromParts({ label, date: readFolderDate(label) }),
  };
}

/** 2024-02-29, 20240229, 2024_02_29 or 29.02.2024, alone or followed by a space or underscore. */
export function readFolderDate(label: string): string | null {
  const [, day, month, year] = /^(\d\d)\.(\d\d)\.(\d{4})(?!\d)/.exec(label) ?? [];
  if (day !== undefined && month !== undefined && year !== undefined) {
    return parseDate(`${year}-${month}-${day}`);
  }
  const [whole] = /^\d{4}[-_.]?\d\d[-_.]?\d\d(?!\d)/.exec(label) ?? [];
  return whole === undefined ? null : parseDate(whole.replaceAll('_', '-'));
}
