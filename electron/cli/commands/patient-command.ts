import { FundusLensError } from '../../contract/errors.ts';
import type { Patient, PatientRecord } from '../../contract/images/patients.ts';
import type { Visit } from '../../contract/images/visits.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions } from './library-context.ts';
import { findPatient } from './list-command.ts';

export interface PatientCommandOptions extends LibraryOptions {
  readonly rename?: string | undefined;
  readonly birthYear?: number | undefined;
  readonly sex?: NonNullable<Patient['sex']> | undefined;
  readonly mergeInto?: string | undefined;
  readonly split?: readonly number[] | undefined;
  readonly to?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Shows one patient over time, after the changes asked for. @returns the exit code */
export function runPatient(code: string, options: PatientCommandOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    let id = await findPatient(client, code);
    const { rename, birthYear, sex, mergeInto, split, to } = options;
    if ((split === undefined) !== (to === undefined)) {
      throw new FundusLensError('input.invalid', 'A split needs visits and who gets them.', {
        expected: '--split with the numbers of visits, and --to with a code',
        advice: `\`fundus-lens patient ${code}\` numbers the visits.`,
      });
    }
    const change = {
      ...(rename === undefined ? {} : { code: rename }),
      ...(birthYear === undefined ? {} : { birthYear }),
      ...(sex === undefined ? {} : { sex }),
    };
    if (Object.keys(change).length > 0) await client.patients.update({ id, change });
    if (split !== undefined && to !== undefined)
      await client.patients.split({ id, visitIds: [...split], code: to });
    if (mergeInto !== undefined) {
      const into = await findPatient(client, mergeInto);
      await client.patients.merge({ id, into });
      id = into;
    }
    const record = await client.patients.record({ id });
    await print(options.json === true ? `${JSON.stringify(record, null, 2)}\n` : describe(record));
    return exitCodes.done;
  });
}

function describe({ patient, visits, images }: PatientRecord): string {
  const facts = [patient.sex ?? '', patient.birthYear === null ? '' : `born ${patient.birthYear}`];
  const head = ['visit', 'date', 'OD', 'OS', 'other', 'findings', 'protocols', 'traces'];
  const rowOf = (visit: Visit | null) => {
    const own = images.filter(({ image }) => image.visitId === (visit?.id ?? null));
    const ofEye = (eyes: readonly string[]) =>
      own
        .filter(({ image }) => eyes.includes(image.laterality))
        .map(({ image }) => `#${image.id}`)
        .join(' ');
    const findings = new Set(own.flatMap((each) => each.findings.map(({ label }) => label)));
    return [
      visit === null ? '–' : String(visit.id),
      visit?.date ?? visit?.label ?? '',
      ...[['R'], ['L'], ['B', 'unknown']].map(ofEye),
      [...findings].join(', '),
      String(own.reduce((sum, { protocols }) => sum + protocols.length, 0)),
      String(own.reduce((sum, { traces }) => sum + traces.length, 0)),
    ];
  };
  const rows = visits.map(rowOf);
  if (images.some(({ image }) => image.visitId === null)) rows.push(rowOf(null));
  const title = [patient.code, ...facts].filter((part) => part !== '').join(' · ');
  return `${title}\n${rows.length === 0 ? 'No photographs.\n' : drawTable(head, rows)}`;
}
