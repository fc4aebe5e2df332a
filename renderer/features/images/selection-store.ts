/** What a click or an arrow key does to a selection of ids. */
export type SelectionMode = 'only' | 'toggle' | 'range';

/**
 * The next selection.
 *
 * @param range ids from the anchor to the target, in the list's order; read when the mode is `range`
 */
export function nextSelection(
  selected: ReadonlySet<number>,
  id: number,
  mode: SelectionMode,
  range: readonly number[],
): Set<number> {
  if (mode === 'only') return new Set([id]);
  if (mode === 'range') return new Set([...selected, ...range, id]);
  const next = new Set(selected);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Where an arrow key leads in a grid of `total` cells; null for other keys. */
export function moveInGrid(
  key: string,
  from: number,
  columns: number,
  total: number,
  page: number,
): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * page,
    PageDown: columns * page,
    Home: -total,
    End: total,
  };
  const step = steps[key];
  if (step === undefined || total === 0) return null;
  return Math.min(total - 1, Math.max(0, from + step));
}
