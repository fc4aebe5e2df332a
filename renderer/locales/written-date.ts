import type { Language } from './i18n.ts';

/** How a date is written in figures; both languages put the day first. */
export function dateInFigures(date: string, language: Language): string {
  const [year, month, day] = date.split('-');
  return [day, month, year].join(language === 'ru' ? '.' : '/');
}

/**
 * Reads a date as a person writes it: day, month and year in this order with any sign between them or with none, or
 * the year first as in ISO 8601. What the browser's own region would make of it plays no part.
 *
 * @returns `2024-02-29`; null when the text is no day of the calendar
 */
export function readWrittenDate(text: string): string | null {
  const trimmed = text.trim();
  const yearFirst = /^(\d{4})[-./\s]?(\d\d?)[-./\s]?(\d\d?)$/.exec(trimmed);
  const dayFirst = /^(\d\d?)[-./\s]?(\d\d?)[-./\s]?(\d{4})$/.exec(trimmed);
  // Eight figures without signs fit both; the day comes first unless that is no date.
  return (
    (dayFirst === null ? null : calendarDay(dayFirst[3]!, dayFirst[2]!, dayFirst[1]!)) ??
    (yearFirst === null ? null : calendarDay(yearFirst[1]!, yearFirst[2]!, yearFirst[3]!))
  );
}

function calendarDay(year: string, month: string, day: string): string | null {
  if (Number(year) < 1850 || Number(year) > 2200) return null;
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  const time = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== date ? null : date;
}
