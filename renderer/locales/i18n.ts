import { createI18n } from 'vue-i18n';

export type Language = 'en' | 'ru';

/** Words by topic; texts, or words within a topic. */
export interface Words {
  readonly [topic: string]: string | Words;
}

/** Russian has three forms: 1 снимок, 2 снимка, 5 снимков. */
export function russianPlural(count: number, forms: number): number {
  const ones = Math.abs(count) % 10;
  const tens = Math.abs(count) % 100;
  const form = ones === 1 && tens !== 11 ? 0 : ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? 1 : 2;
  return Math.min(form, forms - 1);
}

/** Each area keeps its words beside it, so that a new area brings its own; a topic belongs to one area. */
export function mergeWords(areas: Readonly<Record<string, Words>>): Words {
  const merged = new Map<string, { readonly words: string | Words; readonly area: string }>();
  for (const [area, topics] of Object.entries(areas)) {
    for (const [topic, words] of Object.entries(topics)) {
      const before = merged.get(topic);
      if (before !== undefined) throw new Error(`Both ${before.area} and ${area} have words of "${topic}".`);
      merged.set(topic, { words, area });
    }
  }
  return Object.fromEntries([...merged].map(([topic, { words }]) => [topic, words]));
}

export const messages: Readonly<Record<Language, Words>> = {
  en: mergeWords(import.meta.glob<Words>('../**/words.en.json', { eager: true, import: 'default' })),
  ru: mergeWords(import.meta.glob<Words>('../**/words.ru.json', { eager: true, import: 'default' })),
};

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages,
  pluralRules: { ru: russianPlural },
});
