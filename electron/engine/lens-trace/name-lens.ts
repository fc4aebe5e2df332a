import type { LensTrace } from './lens-trace.ts';

const words = {
  en: {
    logit: 'logit lens',
    raw: 'RAW lens (no final norm)',
    shortcut: 'fitted lens “{name}” (linear shortcut, sha256:{sha256})',
    jacobian: 'fitted lens “{name}” (Jacobian lens, sha256:{sha256})',
  },
  ru: {
    logit: 'логит-линза',
    raw: 'сырая линза (без финальной нормализации)',
    shortcut: 'подобранная линза «{name}» (линейная, sha256:{sha256})',
    jacobian: 'подобранная линза «{name}» (линза Якоби, sha256:{sha256})',
  },
} as const;

/** The lens of a trace in words; a fitted one with its name and the beginning of its hash. */
export function nameLens(
  { lens, fittedLens }: Pick<LensTrace, 'lens' | 'fittedLens'>,
  language: 'en' | 'ru',
): string {
  return words[language][lens]
    .replace('{name}', () => fittedLens?.name ?? '?')
    .replace('{sha256}', () => fittedLens?.sha256.slice(0, 12) ?? '?');
}
