/** Which eye an image shows: right (OD), left (OS), both (OU), or not known. Missing means unknown, never guessed. */
export const lateralities = ['R', 'L', 'B', 'unknown'] as const;
export type Laterality = (typeof lateralities)[number];

/** Where the laterality was read from; `none` goes with `unknown` only. */
export const lateralitySources = [
  'image-laterality',
  'laterality',
  'manifest',
  'file-name',
  'user',
  'none',
] as const;
export type LateralitySource = (typeof lateralitySources)[number];

export interface LateralityReading {
  readonly laterality: Laterality;
  readonly source: LateralitySource;
}

export const unknownLaterality: LateralityReading = { laterality: 'unknown', source: 'none' };

/** Tokens that name an eye beyond doubt, in lower case. */
const words: Readonly<Record<string, Laterality>> = {
  od: 'R',
  right: 'R',
  прав: 'R',
  правый: 'R',
  справа: 'R',
  os: 'L',
  left: 'L',
  лев: 'L',
  левый: 'L',
  слева: 'L',
  ou: 'B',
  both: 'B',
  оба: 'B',
};

/** Single letters count only in upper case and only when they stand alone: `IMG_R_02`, never `R2`, `12r` or `Room`. */
const letters: Readonly<Record<string, Laterality>> = { R: 'R', L: 'L' };

/**
 * Reads the eye from a file name, where OD, OS, OU, R, L, right, left, правый or левый stand as separate tokens.
 *
 * A name whose tokens name different eyes says nothing. Folder names are not read: `/right/` may be a shelf.
 *
 * @param fileName last path segment, with or without extension
 */
export function lateralityFromFileName(fileName: string): LateralityReading {
  const stem = fileName.normalize('NFC').replace(/\.[\p{L}\p{N}]{1,5}$/u, '');
  const found = new Set<Laterality>();
  for (const token of stem.match(/[\p{L}\p{N}]+/gu) ?? []) {
    const alone = letters[token];
    if (alone !== undefined) found.add(alone);
    for (const part of token.match(/\p{L}+/gu)?.flatMap(splitCamelCase) ?? []) {
      const eye = words[part.toLowerCase()];
      if (eye !== undefined) found.add(eye);
    }
  }
  const [only] = found;
  return only === undefined || found.size > 1 ? unknownLaterality : { laterality: only, source: 'file-name' };
}

/** `RightEye` → Right, Eye; `scanOD` stays whole, because a trailing OD may belong to the word. */
function splitCamelCase(token: string): string[] {
  return /^(?:\p{Lu}\p{Ll}+){2,}$/u.test(token) ? (token.match(/\p{Lu}\p{Ll}+/gu) ?? []) : [token];
}

/**
 * Reads the eye from a value written to say it: a manifest cell or a DICOM code string.
 *
 * @returns null when the value names no eye; an empty value is `unknown`
 */
export function parseLaterality(value: string): Laterality | null {
  const text = value.normalize('NFC').trim().toLowerCase().replace(/\.$/, '');
  if (text === '' || text === 'unknown' || text === 'u' || text === 'неизвестно') return 'unknown';
  if (text === 'r') return 'R';
  if (text === 'l') return 'L';
  if (text === 'b') return 'B';
  return words[text] ?? null;
}
