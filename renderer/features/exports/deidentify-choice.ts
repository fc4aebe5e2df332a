import type { Deidentify } from '../../../electron/contract/exports.ts';

export interface DeidentifyChoice {
  readonly on: boolean;
  /** "I have looked at the images." */
  readonly confirmed: boolean;
  readonly codePrefix: string;
  readonly shiftDays: number;
}

export const identified: DeidentifyChoice = { on: false, confirmed: false, codePrefix: 'P', shiftDays: 365 };

/** What is asked of the workbench; null keeps everything as it is, undefined when the person has to decide first. */
export function deidentifyOf(choice: DeidentifyChoice, hasImages: boolean): Deidentify | null | undefined {
  if (!choice.on) return null;
  if (hasImages && !choice.confirmed) return undefined;
  const { codePrefix, shiftDays } = choice;
  if (!Number.isInteger(shiftDays) || shiftDays < 1 || shiftDays > 3650) return undefined;
  return { confirmBurnedInText: true, codePrefix, shiftDays };
}
