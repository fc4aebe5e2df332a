/** Two silent lines that shade what lies between them; their sum is the upper bound, also below zero. */
export function bandSeries(
  stack: string,
  color: string,
  lower: readonly number[],
  upper: readonly number[],
  opacity = 0.16,
) {
  const line = {
    type: 'line' as const,
    name: '',
    stack,
    stackStrategy: 'all' as const,
    silent: true,
    symbol: 'none',
    lineStyle: { opacity: 0 },
  };
  return [
    { ...line, data: [...lower] },
    { ...line, data: upper.map((bound, row) => bound - lower[row]!), areaStyle: { color, opacity } },
  ];
}
