import { randomBytes, randomInt } from 'node:crypto';
import type { Deidentify } from '../../../contract/exports.ts';

const dayMilliseconds = 86_400_000;

/**
 * Replaces patients' codes by random ones and moves each patient's dates by the same random number of days, so that
 * intervals stay. The key is in memory only and goes with the export; two exports cannot be joined.
 */
export class Deidentifier {
  readonly #options: Deidentify;
  readonly #codes = new Map<number, string>();
  readonly #shifts = new Map<number | null, number>();

  constructor(options: Deidentify) {
    this.#options = options;
  }

  /** @param patientId row of the patient; the code tells nothing about it */
  code(patientId: number | null): string | null {
    if (patientId === null) return null;
    let code = this.#codes.get(patientId);
    const taken = new Set(this.#codes.values());
    while (code === undefined) {
      const drawn = `${this.#options.codePrefix}-${randomBytes(4).toString('hex').toUpperCase()}`;
      if (!taken.has(drawn)) code = drawn;
    }
    this.#codes.set(patientId, code);
    return code;
  }

  /** A calendar date, or a date with a time, of which the date alone is kept; null for anything else. */
  date(patientId: number | null, date: string | null): string | null {
    const [day] = /^\d{4}-\d\d-\d\d/.exec(date ?? '') ?? [];
    if (day === undefined) return null;
    const shifted = Date.parse(`${day}T00:00:00Z`) - this.#shift(patientId) * dayMilliseconds;
    return Number.isNaN(shifted) ? null : new Date(shifted).toISOString().slice(0, 10);
  }

  #shift(patientId: number | null): number {
    const shift = this.#shifts.get(patientId) ?? randomInt(1, this.#options.shiftDays + 1);
    this.#shifts.set(patientId, shift);
    return shift;
  }
}
