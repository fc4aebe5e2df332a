import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type {
  EmergenceOfGroup,
  Group,
  GroupStatistics,
  TracedByModel,
} from '../../contract/images/groups.ts';
import { findGroup, noSuch } from '../commands/find-group.ts';
import type { LibraryOptions, LibraryTools } from '../commands/library-context.ts';
import { withLibrary } from '../commands/library-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

export interface GroupsOptions extends LibraryOptions {
  readonly json?: boolean | undefined;
}

export interface GroupStatisticsOptions extends GroupsOptions {
  readonly control?: string | undefined;
  readonly model?: string | undefined;
  readonly prompt?: string | undefined;
  readonly anyPrompt?: boolean | undefined;
  readonly concepts?: string | undefined;
  readonly concept?: string | undefined;
  readonly samples: number;
  readonly out?: string | undefined;
  readonly overwrite?: boolean | undefined;
}

type Client = LibraryTools['client'];

/** Lists the groups. @returns the exit code */
export function runGroups(options: GroupsOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const models = new Map((await client.models.list()).map(({ id, name }) => [id, name]));
    const groups = await Promise.all(
      (await client.groups.list()).map(async (group) => ({
        ...group,
        traced: await client.groups.traced({ id: group.id }),
      })),
    );
    if (options.json === true) await print(`${JSON.stringify(groups, null, 2)}\n`);
    else if (groups.length === 0) await print('No groups.\n');
    else {
      const rows = groups.map(({ name, imageCount, traced }) => [
        name,
        String(imageCount),
        traced.map((one) => `${one.imageCount} by ${models.get(one.modelId) ?? one.modelId}`).join(', '),
      ]);
      await print(drawTable(['group', 'images', 'traced'], rows));
    }
    return exitCodes.done;
  });
}

/** Says what the traces of a group say of every concept of a set. @returns the exit code */
export function runGroupStatistics(name: string, options: GroupStatisticsOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client }) => {
    const file = options.out === undefined ? null : path.resolve(options.out);
    const format = file === null ? null : formatOf(file);
    const group = await findGroup(client, name);
    const control = options.control === undefined ? null : await findGroup(client, options.control);
    const question = { ...(await ask(client, group, options)), controlGroupId: control?.id ?? null };
    if (file !== null && format !== null) {
      const target = { to: 'file', path: file, overwrite: options.overwrite ?? false } as const;
      const { bytes } = await client.groups.export({ ...question, format, target });
      await print(`${file}: ${bytes} bytes\n`);
      return exitCodes.done;
    }
    const statistics = await client.groups.statistics(question);
    await print(
      options.json === true
        ? `${JSON.stringify(statistics, null, 2)}\n`
        : describe(statistics, question.conceptId, group.name, control?.name ?? null),
    );
    return exitCodes.done;
  });
}

/** The question, with what was left open filled in from the group's own traces. */
async function ask(
  client: Client,
  group: Group,
  { model, prompt, anyPrompt = false, concepts, concept, samples }: GroupStatisticsOptions,
) {
  const traced = await client.groups.traced({ id: group.id });
  const models = (await client.models.list()).filter(({ id }) => traced.some((one) => one.modelId === id));
  const chosen = chooseModel(group, traced, models, model);
  const texts = chosen.prompts.map(({ text }) => text);
  if (prompt !== undefined && !texts.includes(prompt))
    throw noSuch('prompt among these traces', prompt, texts);
  const promptText = anyPrompt ? undefined : (prompt ?? texts[0]);
  const { set } = await client.concepts.get({ setId: concepts ?? chosen.conceptSetId ?? 'fundus' });
  const conceptIds = set.concepts.map(({ id }) => id);
  const conceptId = concept ?? conceptIds[0]!;
  if (!conceptIds.includes(conceptId)) throw noSuch(`concept in "${set.id}"`, conceptId, conceptIds);
  return {
    ...{ groupId: group.id, modelId: chosen.modelId, conceptId, conceptIds, samples },
    ...(promptText === undefined ? {} : { promptText }),
  };
}

function chooseModel(
  group: Group,
  traced: readonly TracedByModel[],
  models: readonly { id: number; name: string }[],
  which: string | undefined,
): TracedByModel {
  const [newest] = traced;
  if (newest === undefined) {
    throw new FundusLensError('input.invalid', 'No image of this group is traced.', {
      found: `"${group.name}" with ${group.imageCount} images`,
      advice: `\`fundus-lens trace --group "${group.name}"\` traces them.`,
    });
  }
  if (which === undefined) return newest;
  const found = models.find(({ id, name }) => name === which || String(id) === which);
  const own = traced.find(({ modelId }) => modelId === found?.id);
  if (own !== undefined) return own;
  throw noSuch(
    'model among these traces',
    which,
    models.map(({ name }) => name),
  );
}

function describe(
  { group, control, concepts, difference, reading, method }: GroupStatistics,
  conceptId: string,
  name: string,
  controlName: string | null,
): string {
  const own = concepts.find((one) => one.conceptId === conceptId)!;
  const hasControl = control !== null;
  const rows = concepts.map(({ conceptId: id, ...one }) => [
    id,
    ...describeEmergence(one.group),
    ...(hasControl
      ? [
          ...describeEmergence(one.control),
          write(one.lastLayer.difference, 2),
          write(one.lastLayer.correctedPValue, 3),
        ]
      : []),
  ]);
  const columns = ['ever readable', 'in half by layer'];
  const head = [
    'concept',
    ...columns,
    ...(hasControl ? [...columns.map((title) => `control: ${title}`), 'difference', 'p (max-T)'] : []),
  ];
  const curve = group.mean.map((mean, layer) => [
    String(layer),
    interval(mean, group.lower[layer]!, group.upper[layer]!),
    share(own.group?.cumulative[layer]),
    ...(control !== null && difference !== null
      ? [
          interval(control.mean[layer]!, control.lower[layer]!, control.upper[layer]!),
          share(own.control?.cumulative[layer]),
          interval(difference.mean[layer]!, difference.lower[layer]!, difference.upper[layer]!),
          write(difference.correctedPValue[layer]!, 3),
        ]
      : []),
  ]);
  const curveHead = ['layer', 'log p, nats', 'readable by then'];
  return [
    `${countOf(name, group)}${control === null ? '' : `; controls: ${countOf(controlName!, control)}`}`,
    ...leftOut(group, control),
    ...(reading === 'first-tokens' ? ['Older traces: curves of first tokens, not of whole words.'] : []),
    '',
    drawTable(head, rows),
    `"${conceptId}" layer by layer`,
    drawTable(
      hasControl
        ? [...curveHead, ...curveHead.slice(1).map((title) => `control: ${title}`), 'difference', 'p (max-T)']
        : curveHead,
      curve,
    ),
    `${method}\n`,
  ].join('\n');
}

type Counts = Pick<GroupStatistics['group'], 'patientCount' | 'traceCount' | 'unreadCount' | 'otherCount'>;

function countOf(name: string, { patientCount, traceCount }: Counts): string {
  return `${name}: n = ${patientCount} patients (${traceCount} images)`;
}

function leftOut(...groups: readonly (Counts | null)[]): string[] {
  const sum = (key: 'unreadCount' | 'otherCount') =>
    groups.reduce((total, counts) => total + (counts?.[key] ?? 0), 0);
  const [unread, other] = [sum('unreadCount'), sum('otherCount')];
  return [
    ...(unread === 0 ? [] : [`${unread} older traces are still being read in and are not counted yet.`]),
    ...(other === 0
      ? []
      : [
          `${other} images are left out: their newest trace lacks a concept of the set or was read otherwise.`,
        ]),
  ];
}

function describeEmergence(emergence: EmergenceOfGroup | null): [string, string] {
  if (emergence === null) return ['not asked', ''];
  const { layer, layerInterval, never, neverInterval } = emergence;
  const [most, least] = neverInterval.map((value) => share(1 - value));
  const [lower, upper] = layerInterval.map(layerText);
  return [`${share(1 - never)} (${least}–${most})`, `${layerText(layer)} (${lower}–${upper})`];
}

const layerText = (layer: number | null) => (layer === null ? 'never' : String(layer));
const share = (value: number | undefined) => (value === undefined ? '' : `${(100 * value).toFixed(0)} %`);
const write = (value: number | null, digits: number) => value?.toFixed(digits) ?? '';
const interval = (value: number, lower: number, upper: number) =>
  `${value.toFixed(2)} (${lower.toFixed(2)}…${upper.toFixed(2)})`;

function formatOf(file: string): 'csv' | 'json' {
  const extension = path.extname(file).toLowerCase();
  if (extension === '.csv' || extension === '.json') return extension === '.csv' ? 'csv' : 'json';
  throw new FundusLensError('input.invalid', 'This kind of file is not written.', {
    expected: 'a name that ends in .csv or .json',
    found: file,
  });
}
