import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type {
  CausalOrder,
  CausalPair,
  CheckedPairJson,
  ChosenPairs,
  PairStatisticsJson,
} from '../../contract/causal-checks.ts';
import { causalReadingSchema, imageRegionSchema } from '../../contract/causal-checks.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { findModel } from '../../workbench/traces/bundled-defaults.ts';
import { withLibrary } from '../commands/library-context.ts';
import type { LibraryOptions } from '../commands/library-context.ts';
import { toFilter, type ListCommandOptions } from '../commands/list-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

export interface CausalCheckOptions extends Omit<ListCommandOptions, 'limit' | 'json'>, LibraryOptions {
  readonly model?: string | undefined;
  readonly prompt: string;
  readonly label: string;
  readonly value?: string | undefined;
  readonly a: readonly string[];
  readonly b: readonly string[];
  readonly region?: string | undefined;
  readonly pairs: number;
  readonly window: number;
  readonly seed: number;
  readonly out?: string | undefined;
  readonly provider?: CausalOrder['provider'];
  readonly json?: boolean | undefined;
}

/** One pair as a line of the file: an interrupted check goes on where it was. */
const keptPairSchema = z.object({ order: z.string(), reading: causalReadingSchema });

/** Checks pairs of photographs and says what they say together. @returns the exit code */
export function runCausalCheck(options: CausalCheckOptions): Promise<number> {
  return withLibrary(options, {}, async (tools) => {
    const { client, signal } = tools;
    const region = readRegion(options.region);
    const { label, value, pairs: most, seed } = options;
    const images = { filter: await toFilter(tools, [], options) };
    const chosen = await client.causalChecks.pairs({
      ...{ images, label, most, seed },
      ...(value === undefined ? {} : { value }),
    });
    requirePairs(chosen);
    const { id: modelId } = await client.models.addFolder({ folder: findModel(options.model) });
    const checked: CheckedPairJson[] = [];
    const known = await readKept(options.out);
    for (const [index, pair] of chosen.pairs.entries()) {
      const order = {
        ...{
          modelId,
          cleanId: pair.cleanId,
          corruptId: pair.corruptId,
          prompt: options.prompt,
          seed,
          region,
        },
        ...{ contrast: { a: [...options.a], b: [...options.b] }, knockoutWindow: options.window },
        ...(options.provider === undefined ? {} : { provider: options.provider }),
      };
      const key = JSON.stringify(order);
      const reading = known.get(key) ?? (await client.causalChecks.check(order, { signal }));
      if (!known.has(key) && options.out !== undefined)
        await appendFile(options.out, `${JSON.stringify({ order: key, reading })}\n`);
      checked.push({ kind: pair.kind, reading });
      process.stderr.write(`${index + 1} of ${chosen.pairs.length}: ${describePair(pair, reading)}\n`);
    }
    const statistics = await client.causalChecks.summarise({ pairs: checked, seed });
    await print(
      options.json === true
        ? `${JSON.stringify({ chosen, statistics }, null, 2)}\n`
        : describe(chosen, statistics),
    );
    return exitCodes.done;
  });
}

/** @throws FundusLensError `input.invalid` */
function requirePairs({ pairs, labelled, values }: ChosenPairs): void {
  if (pairs.some(({ kind }) => kind === 'opposite')) return;
  throw new FundusLensError('input.invalid', 'No two photographs of opposite labels make a pair.', {
    expected: `photographs of two patients, one "${values[0]}", one "${values[1]}", equal in size and camera`,
    found: `${labelled} photographs with the label, no pair`,
    advice: 'Choose more photographs, or bring them to one size.',
  });
}

/** The last line may have been cut off. */
async function readKept(file: string | undefined): Promise<Map<string, CheckedPairJson['reading']>> {
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return new Map(
    lines.flatMap((line) => {
      const { data } = keptPairSchema.safeParse(parse(line));
      return data === undefined ? [] : [[data.order, data.reading] as const];
    }),
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}

/** left,top,right,bottom in per cent. */
function readRegion(text: string | undefined): CausalOrder['region'] {
  if (text === undefined) return null;
  const [left, top, right, bottom] = text.split(',').map((part) => Number(part) / 100);
  const { data } = imageRegionSchema.safeParse({ left, top, right, bottom });
  if (data !== undefined) return data;
  throw new FundusLensError('input.invalid', 'This is no region of a photograph.', {
    expected: 'left,top,right,bottom in per cent, such as 60,30,90,70',
    found: text,
    advice: 'Give the corners of the rectangle in which the finding lies.',
  });
}

function describePair(
  { kind, cleanFile, corruptFile }: CausalPair,
  { clean, corrupt }: CheckedPairJson['reading'],
): string {
  return `${kind}, ${cleanFile} (${clean.toFixed(2)}) and ${corruptFile} (${corrupt.toFixed(2)})`;
}

const setNames = {
  image: 'all image tokens',
  region: 'the region',
  irrelevant: 'as many other image tokens',
  text: 'the text after the image',
  last: 'the last position',
} as const;

const reasons: Readonly<Record<NonNullable<PairStatisticsJson['withheld']>, string>> = {
  'too-few-pairs': 'fewer than 20 pairs of opposite labels have an R',
  'no-region': 'no region was named, with which as many other tokens could be compared (--region)',
  'no-negative-control': 'no pairs of one label could be made',
  intervals:
    'at no layer do both intervals of the region exclude 0 and exceed those of as many other tokens, while pairs of one label move nothing',
};

function describe(
  { values, labelled, unlabelled }: ChosenPairs,
  {
    opposite,
    leftOut,
    difference,
    sets,
    sameLabel,
    meanAblated,
    knockouts,
    uses,
    withheld,
  }: PairStatisticsJson,
): string {
  const layers = uses.flatMap((may, layer) => (may ? [layer] : []));
  const verdict =
    withheld === null
      ? `The model uses what the region shows, before blocks ${layers.join(', ')}.`
      : `"Uses" cannot be said, only "is readable at": ${reasons[withheld]}.`;
  const sameCount = sameLabel[0]?.sufficiency.pairs ?? 0;
  const lines = [
    `A is "${values[0]}", B is "${values[1]}"; ${labelled} photographs have the label, ${unlabelled} have not.`,
    `${opposite} pairs of opposite labels, ${leftOut} left out that are answered alike (by less than 1); ${sameCount} pairs of one label.`,
    `A is ahead by ${difference.toFixed(2)} more in photographs of A than of B, logit units.`,
    verdict,
    '',
  ];
  const head = ['before block', 'clean into corrupt, 95 %', 'p', 'corrupt into clean, 95 %', 'p'];
  const tables = [
    ...sets.map(({ set, ...effect }) => [`R of ${setNames[set]}`, effect] as const),
    ...sameLabel
      .filter(({ set }) => set === 'image' || set === 'region')
      .map(
        ({ set, ...effect }) => [`Negative control, pairs of one label: ${setNames[set]}`, effect] as const,
      ),
  ].map(([title, { sufficiency, necessity }]) => {
    const rows = sufficiency.mean.map((_, layer) => [
      layer === sufficiency.mean.length - 1 ? 'none' : String(layer),
      ...showEffect(sufficiency, layer),
      ...showEffect(necessity, layer),
    ]);
    return `${title}\n${drawTable(head, rows)}`;
  });
  const lost = [
    ...(meanAblated === null ? [] : [['image states replaced by their mean', meanAblated] as const]),
    ...knockouts.flatMap(({ edges, window, knockedOut, random }) => {
      const name =
        edges === 'image-to-text' ? 'text cannot look at the image' : 'answer cannot look at the image';
      return [
        [`${name}, ${window} blocks`, knockedOut] as const,
        [`as many random looks, ${window} blocks`, random] as const,
      ];
    }),
  ].map(([title, curve]) => {
    const rows = curve.mean.map((_, layer) => [String(layer), ...showEffect(curve, layer)]);
    return `Lost of the lead: ${title}\n${drawTable(['from block', 'share, 95 %', 'p'], rows)}`;
  });
  const note =
    'Means over pairs with percentile bootstrap intervals over pairs; p by sign flips, corrected over layers by max-T.\n';
  return [lines.join('\n'), ...tables, ...lost, note].join('\n');
}

function showEffect(
  { mean, lower, upper, correctedP }: PairStatisticsJson['sets'][number]['sufficiency'],
  layer: number,
): [string, string] {
  const [value, low, high] = [mean, lower, upper].map((curve) => curve[layer]!.toFixed(2));
  return [`${value} (${low} to ${high})`, correctedP === null ? '–' : correctedP[layer]!.toPrecision(2)];
}
