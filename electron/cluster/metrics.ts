import type { ClusterStatus } from './status.ts';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** The status in Prometheus's text format, version 0.0.4. */
export function writeMetrics({ traces, chunks, workers, failures, tracesPerHour }: ClusterStatus): string {
  const alive = workers.filter(({ state }) => state === 'working');
  return [
    metric('traces', 'Traces that were ordered, by what became of them.', [
      [{ state: 'done' }, traces.done],
      [{ state: 'failed' }, traces.failed],
      [{ state: 'waiting' }, traces.ordered - traces.done - traces.failed],
    ]),
    metric('chunks', 'Chunks that have not ended.', [
      [{ state: 'waiting' }, chunks.waiting],
      [{ state: 'taken' }, chunks.taken],
      [{ state: 'given_up' }, chunks.givenUp],
    ]),
    metric(
      'failed_traces',
      'Failed traces by what was wrong.',
      failures.map(({ code, traces: n }) => [{ code }, n]),
    ),
    metric('workers', 'Workers of the last day.', [
      [{ state: 'working' }, alive.length],
      [{ state: 'silent' }, workers.filter(({ state }) => state === 'silent').length],
    ]),
    metric(
      'worker_traces_recent',
      'Traces of the last ten minutes.',
      alive.map(({ host, pid, recentTraces }) => [{ host, pid: String(pid) }, recentTraces]),
    ),
    metric('traces_per_hour', 'Over the last ten minutes.', [[{}, tracesPerHour]]),
  ].join('');
}

function metric(name: string, help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    return `fundus_lens_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP fundus_lens_${name} ${help}\n# TYPE fundus_lens_${name} gauge\n${lines.join('')}`;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
