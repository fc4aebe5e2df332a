import type { TraceSummaryView } from '../../../electron/contract/traces/traces.ts';

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** A verdict in a few words, as lists show it. Empty while it is not worked out. */
export function verdictText(
  { verdict, numLayers }: Pick<TraceSummaryView, 'verdict' | 'numLayers'>,
  conceptName: (id: string) => string,
  t: Translate,
): string {
  if (verdict === null) return '';
  const concept = verdict.subjectId === null ? '' : conceptName(verdict.subjectId);
  return t(`traceList.verdicts.${verdict.state}`, { concept, layer: verdict.layer, last: numLayers - 1 });
}
