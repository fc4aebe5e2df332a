import type { TraceSummaryView } from '../electron/contract/traces/traces.ts';
import type { RunningApp } from './running-app.ts';

/** Shows a trace of a photograph that was read at more than one position. */
export async function openTrace({ page, visit, workbench }: RunningApp): Promise<TraceSummaryView> {
  const traces = await workbench.client.traces.list({ limit: 100 });
  const chosen = traces.find(({ imageId, numPositions }) => imageId !== null && numPositions > 1)!;
  await visit(`/trace/${chosen.id}`);
  await page.getByTestId('trace-view').waitFor();
  return chosen;
}
