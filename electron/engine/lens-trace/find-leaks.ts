import type { ConceptSet } from './concept-set.ts';

/**
 * Lists the concepts that a prompt names itself, so that reading them at the answer would only echo the question.
 *
 * Whole words are compared, without regard to case, "ё" or inflection ("глазного дна" names "глазное дно",
 * "vessels" names "vessel"); abbreviations such as OCT only as written.
 *
 * @returns concept ids in the order of the set
 */
export function findLeaks(promptText: string, set: ConceptSet): string[] {
  const prompt = splitWords(promptText);
  return set.concepts
    .filter((concept) =>
      Object.values(concept.forms)
        .flat()
        .some((form) => occursIn(prompt, splitWords(form))),
    )
    .map((concept) => concept.id);
}

function splitWords(text: string): string[] {
  return text.normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? [];
}

function occursIn(prompt: readonly string[], form: readonly string[]): boolean {
  return prompt.some((_, start) => form.every((word, offset) => isSameWord(prompt[start + offset], word)));
}

function isSameWord(inPrompt: string | undefined, inForm: string): boolean {
  if (inPrompt === undefined) return false;
  if (isAbbreviation(inForm)) return inPrompt === inForm;
  const a = stem(inPrompt);
  const b = stem(inForm);
  return a === b || shareStem(a, b);
}

function isAbbreviation(word: string): boolean {
  return word.length <= 4 && word.length >= 2 && word === word.toLocaleUpperCase('ru');
}

/** Long words of one family: "diabetic" and "diabetes", "сетчатка" and "сетчаток". */
function shareStem(a: string, b: string): boolean {
  const shorter = Math.min(a.length, b.length);
  let common = 0;
  while (common < shorter && a[common] === b[common]) common += 1;
  return common >= Math.max(6, Math.ceil(0.7 * shorter));
}

const russianEnding =
  /^(?:иями|ями|ами|ией|иям|ием|иях|ого|его|ому|ему|ыми|ими|ой|ей|ый|ий|ая|яя|ое|ее|ые|ие|ую|юю|ом|ем|ам|ям|ах|ях|ых|их|ов|ев|ью|ия|ья|ию|ии|[аяоеыиуюьй])$/u;

/** Cuts off an English plural, or the longest Russian ending that leaves two letters. */
function stem(word: string): string {
  const lower = word.toLocaleLowerCase('ru').replaceAll('ё', 'е');
  if (/^[a-z]+$/.test(lower)) {
    return lower.length > 3 && lower.endsWith('s') && !/(?:ss|us|is)$/.test(lower)
      ? lower.slice(0, -1)
      : lower;
  }
  for (let keep = 2; keep < lower.length; keep++) {
    if (russianEnding.test(lower.slice(keep))) return lower.slice(0, keep);
  }
  return lower;
}
