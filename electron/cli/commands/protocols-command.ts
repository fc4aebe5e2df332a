import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ProtocolFormat, ProtocolVersion } from '../../contract/protocols/protocols.ts';
import { setGroupNormal, setValue } from '../../protocol/edit.ts';
import { createProtocol, type Protocol, type ProtocolValue } from '../../protocol/protocol.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import { isCoded, isNumeric, requireField, valueSetOf, type ProtocolSchema } from '../../protocol/schema.ts';
import type { ProtocolField, ProtocolLanguage } from '../../protocol/schema-format.ts';
import { fundusSchema } from '../../workbench/protocols/protocol-form.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';
import { findGroup, noSuch } from './find-group.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions, LibraryTools } from './library-context.ts';

export interface ProtocolOptions extends LibraryOptions {
  readonly observer?: string | undefined;
  readonly language: ProtocolLanguage;
  readonly json?: boolean | undefined;
}

export interface ProtocolSetOptions extends ProtocolOptions {
  readonly observer: string;
  readonly normal?: string[] | undefined;
}

export interface ProtocolExportOptions extends ProtocolOptions {
  readonly out: string;
  readonly images?: number[] | undefined;
  readonly group?: string | undefined;
  readonly format: ProtocolFormat;
  readonly overwrite?: boolean | undefined;
}

/** Lists the fields of the form with their values; needs no library. @throws FundusLensError for an unknown group */
export async function runProtocolFields(
  group: string | undefined,
  { language }: Pick<ProtocolOptions, 'language'>,
): Promise<void> {
  const groups = fundusSchema.groups.filter(({ id }) => group === undefined || id === group);
  if (groups.length === 0) {
    const known = fundusSchema.groups.map(({ id }) => id);
    throw noSuch('group of fields', group ?? '', known);
  }
  const rows = groups.flatMap(({ fields }) =>
    fields.map((field) => [field.id, field.title[language], describeValues(fundusSchema, field)]),
  );
  await print(drawTable(['field', 'what it says', 'values'], rows, 44));
}

/** Prints the protocols of an image. @returns the exit code */
export function runProtocolShow(imageId: number, options: ProtocolOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    await client.images.get({ id: imageId });
    const versions = ofObserver(await client.protocols.list({ imageId }), options.observer);
    if (options.json === true) {
      const stored = await Promise.all(versions.map(({ id }) => client.protocols.get({ id })));
      await print(`${JSON.stringify(stored, null, 2)}\n`);
      return exitCodes.done;
    }
    for (const { id, observer, version } of versions) {
      const { text } = await client.protocols.text({ id, language: options.language });
      await print(`${observer === '' ? '–' : observer}, version ${version}\n${text}\n`);
    }
    if (versions.length === 0) await print('No protocols.\n');
    return exitCodes.done;
  });
}

/** Enters values and keeps the protocol as a new version. @returns the exit code */
export function runProtocolSet(
  imageId: number,
  assignments: readonly string[],
  { observer, normal = [], language, ...options }: ProtocolSetOptions,
): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const [current] = ofObserver(await client.protocols.list({ imageId }), observer.trim());
    const before =
      current === undefined
        ? createProtocol(fundusSchema)
        : (await client.protocols.get({ id: current.id })).protocol;
    const { values } = edit(fundusSchema, before, assignments, normal);
    const basedOn = current?.version ?? 0;
    const { version } = await client.protocols.save({ imageId, observer, values, basedOn });
    await print(`${(await client.protocols.text({ id: version.id, language })).text}\n`);
    return exitCodes.done;
  });
}

/** Writes protocols to a file. @returns the exit code */
export function runProtocolExport(options: ProtocolExportOptions): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const { format, language, overwrite = false } = options;
    const target = { to: 'file', path: path.resolve(options.out), overwrite } as const;
    const which = await choose(tools, options);
    const { path: file, bytes } = await tools.client.protocols.export({ which, format, language, target });
    await print(`${file ?? ''}: ${bytes} bytes\n`);
    return exitCodes.done;
  });
}

/** Prints Cohen's κ of two observers for every field that both assessed. @returns the exit code */
export function runProtocolAgreement(
  group: string,
  observers: [string, string],
  options: Omit<ProtocolOptions, 'language'>,
): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const { id: groupId } = await findGroup(tools.client, group);
    const agreement = await tools.client.protocols.agreement({ groupId, observers });
    if (options.json === true) {
      await print(`${JSON.stringify(agreement, null, 2)}\n`);
      return exitCodes.done;
    }
    const write = (value: number | null | undefined) => value?.toFixed(2) ?? '–';
    const rows = agreement.fields
      .filter(({ both }) => both > 0)
      .map(({ field, both, equal, kappa, weightedKappa, difference }) => [
        field,
        String(both),
        write(equal),
        write(kappa?.value),
        write(weightedKappa?.value),
        write(difference?.mean),
      ]);
    const head = ['field', 'images', 'equal', 'kappa', 'weighted', 'mean difference'];
    await print(`${drawTable(head, rows, 44)}${agreement.images} images described by both\n`);
    return exitCodes.done;
  });
}

function edit(
  schema: ProtocolSchema,
  before: Protocol,
  assignments: readonly string[],
  normal: readonly string[],
): Protocol {
  try {
    const entered = assignments.reduce((protocol, assignment) => {
      const [field, value] = readAssignment(schema, assignment);
      return setValue(schema, protocol, field, value);
    }, before);
    return normal.reduce((protocol, group) => setGroupNormal(schema, protocol, group), entered);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new FundusLensError('protocol.invalid', error.summary, {
      advice: '`fundus-lens protocols fields` lists fields and values.',
      ...error.details,
    });
  }
}

function readAssignment(schema: ProtocolSchema, assignment: string): [string, ProtocolValue] {
  const [, id, text] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
  if (id === undefined || text === undefined) {
    throw new FundusLensError('input.invalid', 'This is not a value of a field.', {
      expected: 'FIELD=VALUE, such as disc.colour=pink',
      found: assignment,
    });
  }
  const field = requireField(schema, id.trim());
  const value = text.trim();
  if (value === '') return [field.id, null];
  if (!isNumeric(field)) return [field.id, value];
  const number = Number(value.replace(',', '.'));
  return [field.id, Number.isNaN(number) ? value : number];
}

function describeValues(schema: ProtocolSchema, field: ProtocolField): string {
  if (isCoded(field))
    return valueSetOf(schema, field)!
      .values.map(({ code }) => code)
      .join(' ');
  if (!isNumeric(field)) return field.example ?? 'text';
  const unit = field.unit === undefined ? '' : ` ${field.unit.title.en}`;
  return `${field.limits!.min}…${field.limits!.max}${unit}`;
}

async function choose(
  tools: LibraryTools,
  { images, group, observer }: ProtocolExportOptions,
): Promise<{ ids: number[] } | { groupId: number; observer?: string }> {
  if (group !== undefined) {
    const { id: groupId } = await findGroup(tools.client, group);
    return observer === undefined ? { groupId } : { groupId, observer };
  }
  const listed = await Promise.all((images ?? []).map((imageId) => tools.client.protocols.list({ imageId })));
  const ids = ofObserver(listed.flat(), observer).map(({ id }) => id);
  if (ids.length > 0) return { ids };
  throw new FundusLensError('input.invalid', 'There is no protocol to export.', {
    expected: '--images with numbers of described images, or --group with a name',
    found: images === undefined ? 'neither' : `no protocol of the images ${images.join(', ')}`,
    advice: '`fundus-lens protocols set` describes an image.',
  });
}

function ofObserver(versions: readonly ProtocolVersion[], observer: string | undefined): ProtocolVersion[] {
  return versions.filter((version) => observer === undefined || version.observer === observer);
}
