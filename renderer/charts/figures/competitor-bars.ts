import type { ConceptTrace, LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { findSubject } from '../../../electron/engine/lens-trace/concept-set.ts';
import { seriesColor } from '../chart-theme.ts';
import type { ChartTheme } from '../chart-theme.ts';
import {
  baseOption,
  escapeHtml,
  figureSides,
  layerAxis,
  layerTooltip,
  legendStyle,
  numberLabels,
  tooltipLine,
  valueAxisStyle,
} from '../figure.ts';
import type { Figure, FigureText } from '../figure.ts';

export interface CompetitorWords {
  /** Words of the parent that no concept below it has, and those below it that are not shown by name. */
  readonly otherOf: (parent: string) => string;
  readonly otherConcepts: string;
  readonly rest: string;
}

/** A share of the probability, by layer; the shares of a layer add up to one. */
export interface ProbabilityPart {
  /** Id of the concept; null for what is not one. */
  readonly id: string | null;
  readonly kind: 'child' | 'other-of-subject' | 'competitor' | 'other-concepts' | 'rest';
  readonly label: { readonly en: string; readonly ru: string } | null;
  /** 0…1, by layer. */
  readonly shares: readonly number[];
}

const shownChildren = 4;
const shownCompetitors = 2;

/**
 * What the probability of the first word of the answer went to: the words below the trace's subject, its own, the other
 * concepts, and all that is no word of the set. A concept with others below it stands for all of them, so nothing counts twice.
 *
 * @returns null for traces from before concepts were read by whole words
 */
export function divideProbability({
  concepts,
  layers,
}: Pick<LensTrace, 'concepts' | 'layers'>): ProbabilityPart[] | null {
  const read = concepts.filter(({ words }) => words !== undefined);
  const subject = read.find(({ id }) => id === findSubject({ concepts: read }));
  if (subject === undefined) return null;
  const ids = new Set(read.map(({ id }) => id));
  const below = read.filter(({ parent }) => parent === subject.id);
  const roots = read.filter(
    (concept) => concept !== subject && (concept.parent === undefined || !ids.has(concept.parent)),
  );
  const curve = (concept: ConceptTrace) => Array.from(concept.words!.logProb, Math.exp);
  const named = (kind: 'child' | 'competitor', all: readonly ConceptTrace[], count: number) =>
    all
      .map((concept) => ({ concept, shares: curve(concept) }))
      .sort((a, b) => Math.max(...b.shares) - Math.max(...a.shares))
      .slice(0, count)
      .map(({ concept: { id, label }, shares }): ProbabilityPart => ({ id, kind, label, shares }));
  const sum = (parts: readonly (readonly number[])[]) =>
    layers.map((_, layer) => parts.reduce((total, shares) => total + shares[layer]!, 0));
  const left = (whole: readonly number[], parts: readonly ProbabilityPart[]) => {
    const taken = sum(parts.map(({ shares }) => shares));
    return whole.map((share, layer) => Math.max(0, share - taken[layer]!));
  };
  const children = named('child', below, shownChildren);
  const competitors = named('competitor', roots, shownCompetitors);
  const own = curve(subject);
  const all = sum(roots.map(curve));
  const parts: ProbabilityPart[] = [
    ...children,
    {
      id: subject.id,
      kind: 'other-of-subject',
      label: subject.label,
      shares: left(own, children),
    },
    ...competitors,
    { id: null, kind: 'other-concepts', label: null, shares: left(all, competitors) },
  ];
  // Branches that were bounded count as a whole, so that the parts may come to a little more than one.
  const total = sum(parts.map(({ shares }) => shares)).map((share) => Math.max(1, share));
  const scaled = parts.map((part) => ({
    ...part,
    shares: part.shares.map((share, layer) => share / total[layer]!),
  }));
  const ones = layers.map(() => 1);
  return [...scaled, { id: null, kind: 'rest', label: null, shares: left(ones, scaled) }];
}

/** Layer by layer one bar, divided by what the first word of the answer would be. */
export function competitorBars(
  { layers }: Pick<LensTrace, 'layers'>,
  parts: readonly ProbabilityPart[],
  theme: ChartTheme,
  text: FigureText,
  language: 'en' | 'ru',
  words: CompetitorWords,
): Figure {
  const nameOf = ({ kind, label }: ProbabilityPart) => {
    const own = label?.[language] ?? '';
    if (kind === 'other-of-subject')
      return parts.some((part) => part.kind === 'child') ? words.otherOf(own) : own;
    return kind === 'other-concepts' ? words.otherConcepts : kind === 'rest' ? words.rest : own;
  };
  const shown = parts.filter(({ kind, shares }) => kind === 'rest' || Math.max(...shares) > 0);
  const named = shown.map((part, order) => ({ ...part, name: nameOf(part), order }));
  return {
    option: {
      ...baseOption(theme),
      legend: { ...legendStyle(theme), itemWidth: 12, data: named.map(({ name }) => name) },
      grid: { ...figureSides, top: 28, bottom: 22 },
      tooltip: layerTooltip(theme, text, layers, (row) =>
        named.map(({ kind, name, order, shares }) => {
          const share = text.formatProbability(shares[row]!);
          return kind === 'rest'
            ? `${escapeHtml(name)} <strong>${escapeHtml(share)}</strong>`
            : tooltipLine(order, name, share);
        }),
      ),
      xAxis: layerAxis(theme, layers, '', false),
      yAxis: {
        type: 'value' as const,
        ...valueAxisStyle(theme, text.probability),
        ...{ min: 0, max: 1, splitNumber: 4, axisLabel: numberLabels(theme, text) },
      },
      series: named.map(({ kind, name, order, shares }) => ({
        type: 'bar' as const,
        name,
        stack: 'probability',
        data: [...shares],
        barCategoryGap: '12%',
        itemStyle: {
          color: kind === 'rest' ? theme.grid : seriesColor(theme, order),
          borderColor: theme.background,
          borderWidth: 0.5,
        },
        emphasis: { disabled: true },
      })),
    },
    table: {
      columns: ['layer', 'part', 'concept', 'probability'],
      rows: shown.flatMap(({ id, kind, shares }) =>
        layers.map((layer, row) => [layer, kind, id, shares[row]!]),
      ),
    },
  };
}
