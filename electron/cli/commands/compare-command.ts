import type { Comparison, PairComparison } from '../../contract/traces/compare.ts';
import { exitCodes } from '../exit-codes.ts';
import { withLibrary } from './library-context.ts';
import type { LibraryOptions } from './library-context.ts';
import { print } from '../terminal/standard-output.ts';
import { showToken } from '../terminal/text-cells.ts';
import { drawTable } from '../terminal/text-table.ts';

export interface CompareCommandOptions extends LibraryOptions {
  readonly exact?: boolean | undefined;
  readonly json?: boolean | undefined;
}

const shownTokens = 15;

/** Compares the first trace with each other one, layer by layer. @returns the exit code */
export function runCompare(traceIds: readonly number[], options: CompareCommandOptions): Promise<number> {
  return withLibrary(options, {}, async ({ client, signal }) => {
    const exact = options.exact ?? false;
    const comparison = await client.compare.run({ traceIds: [...traceIds], exact }, { signal });
    const json = options.json === true;
    await print(json ? `${JSON.stringify(comparison, null, 2)}\n` : drawComparison(comparison));
    return exitCodes.done;
  });
}

function drawComparison({ pairs, toppingTokens, warnings, traces }: Comparison): string {
  const tokens = toppingTokens
    .slice(0, shownTokens)
    .map(({ text, topsLayers }) => [
      showToken(text),
      ...topsLayers.map((layers) => (layers.length === 0 ? '–' : toRanges(layers))),
    ]);
  const head = ['token', ...traces.map(({ id }) => `tops in ${id} at layers`)];
  return [
    ...pairs.map(drawPair),
    drawTable(head, tokens),
    ...warnings.map((warning) => `Note: ${warning}\n`),
  ].join('\n');
}

function drawPair(pair: PairComparison): string {
  const number = (value: number | undefined) => (value === undefined ? '' : value.toFixed(4));
  const range = (curve: PairComparison['jensenShannon'], row: number) =>
    pair.exact
      ? number(curve.value[row])
      : `${number(curve.value[row])} (${number(curve.lower[row])}–${number(curve.upper[row])})`;
  const rows = pair.layers.map(([a, b], row) => [
    a === b ? String(a) : `${a} | ${b}`,
    ...(pair.comparable ? [range(pair.jensenShannon, row), range(pair.totalVariation, row)] : ['', '']),
  ]);
  const concepts = pair.concepts.map(({ id, emergence, logProbDifference }) => [
    id,
    ...emergence.map((layer) => (layer === 'not-asked' ? 'not asked' : String(layer))),
    number(logProbDifference.at(-1)),
  ]);
  return [
    `Trace ${pair.a} and trace ${pair.b}`,
    drawTable(['layer', 'Jensen–Shannon, nats', 'total variation'], rows),
    drawTable(
      ['concept', `from layer in ${pair.a}`, `in ${pair.b}`, 'log p, difference at the end'],
      concepts,
    ),
    `${pair.method}\n`,
  ].join('\n');
}

/** 1, 2, 3, 7 as "1–3, 7". */
function toRanges(layers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const layer of layers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === layer - 1) last[1] = layer;
    else ranges.push([layer, layer]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)).join(', ');
}
