import { createI18n } from 'vue-i18n';
import en from './en.json' with { type: 'json' };
import ru from './ru.json' with { type: 'json' };

export type Language = 'en' | 'ru';

/** Russian has three forms: 1 снимок, 2 снимка, 5 снимков. */
export function russianPlural(count: number, forms: number): number {
  const ones = Math.abs(count) % 10;
  const tens = Math.abs(count) % 100;
  const form = ones === 1 && tens !== 11 ? 0 : ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? 1 : 2;
  return Math.min(form, forms - 1);
}

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en, ru },
  pluralRules: { ru: russianPlural },
});
