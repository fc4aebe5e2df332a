import { loadavg } from 'node:os';
import { median } from '../median.ts';
import { measureDesk } from './desk-load.ts';
import { killCluster } from './killed-cluster.ts';
import { measureQueue } from './queue-load.ts';

export interface ClusterBenchOptions {
  readonly traces: number;
  readonly faults: number;
  readonly images: number;
}

/** What several hosts cost and survive, on a PostgreSQL of this computer. */
export async function runClusterBench({ traces, faults, images }: ClusterBenchOptions): Promise<void> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  say(`load of this computer: ${loadavg()[0]!.toFixed(1)}`);
  say(await measureDesk(500));
  if (images > 0) say(await measureQueue(images));
  if (traces === 0) return;
  const killed = await killCluster(traces, faults, 1);
  const { one, two, disturbed } = killed.seconds;
  const { worker, server, line } = killed.faults;
  const resumed = killed.resumed.toSorted((a, b) => a - b);
  say(`${killed.traces} traces of the bundled model
one worker: ${one.toFixed(1)} s, two on the same cores: ${two.toFixed(1)} s: ${(one / two).toFixed(2)} times the throughput
two workers, killed ${worker} times, their server ${server} times, a line cut ${line} times: ${disturbed.toFixed(1)} s
lost ${killed.lost}, twice ${killed.twice}, with other numbers than of one process ${killed.different}; computed in vain ${killed.wasted}`);
  if (resumed.length > 0)
    say(
      `what a killed worker had was taken again after ${median(resumed).toFixed(0)} s, at most ${resumed.at(-1)!.toFixed(0)} s (${resumed.length} times)`,
    );
  say(`load of this computer: ${loadavg()[0]!.toFixed(1)}`);
  if (killed.lost + killed.twice + killed.different > 0) process.exitCode = 1;
}
