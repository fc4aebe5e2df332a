import type { Language } from './i18n.ts';

export interface Format {
  readonly number: (value: number) => string;
  readonly integer: (value: number) => string;
  /** A measurement with as many decimals as it is worth. */
  readonly fixed: (value: number, decimals: number) => string;
  /** Large counts in a word: 8.3 billion. */
  readonly compact: (value: number) => string;
  /** Two digits and a power of ten: 4.8·10⁻⁷. */
  readonly scientific: (value: number) => string;
  readonly probability: (value: number) => string;
  readonly percent: (value: number) => string;
  readonly date: (value: string) => string;
  readonly dateTime: (value: string) => string;
  readonly bytes: (value: number) => string;
  readonly duration: (milliseconds: number) => string;
}

const byteUnits = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function createFormat(language: Language): Format {
  const locale = language === 'ru' ? 'ru-RU' : 'en-GB';
  const number = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const integer = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat(locale, {
    notation: 'compact',
    compactDisplay: 'long',
    maximumSignificantDigits: 3,
  });
  const twoDigits = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
  const power = (value: number, digits: Intl.NumberFormat) => {
    const exponent = Math.floor(Math.log10(Math.abs(value)));
    return `${digits.format(value / 10 ** exponent)}·10${superscript(exponent)}`;
  };
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumSignificantDigits: 3 });
  const wholePercent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  return {
    number: (value) => number.format(value),
    integer: (value) => integer.format(value),
    fixed: (value, decimals) =>
      new Intl.NumberFormat(locale, {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
      }).format(value),
    compact: (value) => compact.format(value),
    scientific: (value) => (value === 0 ? '0' : power(value, twoDigits)),
    probability: (value) => (value !== 0 && value < 1e-4 ? power(value, number) : percent.format(value)),
    percent: (value) => wholePercent.format(value),
    date: (value) => date.format(new Date(`${value.slice(0, 10)}T00:00:00Z`)),
    dateTime: (value) => dateTime.format(new Date(value)),
    bytes: (value) => {
      const step = value < 1 ? 0 : Math.min(byteUnits.length - 1, Math.floor(Math.log10(value) / 3));
      return new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: byteUnits[step]!,
        unitDisplay: 'short',
        maximumSignificantDigits: 3,
      }).format(value / 1000 ** step);
    },
    duration: (milliseconds) => {
      const seconds = Math.max(0, Math.round(milliseconds / 1000));
      const unit = (amount: number, name: 'second' | 'minute' | 'hour') =>
        new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(amount);
      if (seconds < 60) return unit(seconds, 'second');
      if (seconds < 3600) return unit(Math.round(seconds / 60), 'minute');
      return `${unit(Math.floor(seconds / 3600), 'hour')} ${unit(Math.round((seconds % 3600) / 60), 'minute')}`;
    },
  };
}

/** An exponent as it is written above the line. */
export function superscript(value: number): string {
  return String(value).replace(/[-0-9]/g, (character) =>
    character === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(character)]!,
  );
}
