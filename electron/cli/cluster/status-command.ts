import { once } from 'node:events';
import { createServer } from 'node:http';
import { problemOf } from '../../contract/problem.ts';
import { clusterStatus, writeMetrics } from '../../workbench/cluster/administer.ts';
import type { ClusterStatus } from '../../workbench/cluster/administer.ts';
import { exitCodes } from '../exit-codes.ts';
import { print } from '../terminal/standard-output.ts';
import { drawTable } from '../terminal/text-table.ts';

/** What a cluster does now. @returns the exit code */
export async function showStatus(queue: string, asJson: boolean): Promise<number> {
  const status = await clusterStatus(queue);
  await print(asJson ? `${JSON.stringify(status, null, 2)}\n` : drawStatus(status));
  return exitCodes.done;
}

/** Metrics, once or to whoever asks on a port. @returns the exit code */
export async function showMetrics(
  queue: string,
  listen: { host: string; port: number } | null,
): Promise<number> {
  if (listen === null) {
    await print(writeMetrics(await clusterStatus(queue)));
    return exitCodes.done;
  }
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    clusterStatus(queue).then(
      (status) =>
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(writeMetrics(status)),
      (error: unknown) =>
        response.writeHead(503, { 'content-type': 'text/plain' }).end(problemOf(error).summary),
    );
  });
  server.listen(listen.port, listen.host);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : listen.port;
  process.stderr.write(`http://${listen.host}:${port}/metrics\n`);
  const end = () => {
    server.close();
    server.closeAllConnections();
  };
  process.once('SIGTERM', end).once('SIGINT', end);
  await once(server, 'close');
  return exitCodes.done;
}

function drawStatus({ orders, workers, failures, chunks, traces, ...rest }: ClusterStatus): string {
  const left = traces.ordered - traces.done - traces.failed;
  const rate = Math.round(rest.tracesPerHour);
  const time =
    rest.secondsLeft === null ? 'unknown, nothing was computed lately' : drawTime(rest.secondsLeft);
  const givenUp = chunks.givenUp === 0 ? '' : `, ${chunks.givenUp} given up (fundus-lens cluster retry)`;
  const sections = [
    `${traces.done} of ${traces.ordered} traces, ${traces.failed} failed; ${rate} an hour\n`,
    left === 0 ? '' : `time left: ${time}\n`,
    `chunks: ${chunks.waiting} waiting, ${chunks.taken} taken${givenUp}\n`,
    table(
      ['plan', 'model', 'traces', 'done', 'failed', 'open chunks'],
      orders.map((order) => [
        ...[order.planSha256.slice(0, 12), order.modelSha256.slice(0, 12)],
        ...[order.traces, order.done, order.failed, order.openChunks].map(String),
      ]),
    ),
    table(
      ['worker', 'host', 'state', 'computes on', 'models', 'traces in 10 min', 'ms a trace', 'last seen'],
      workers.map((worker) => [
        ...[worker.id.slice(0, 8), `${worker.host}:${worker.pid}`, worker.state, worker.device],
        ...[String(worker.models.length), String(worker.recentTraces)],
        worker.recentMilliseconds === null ? '' : String(Math.round(worker.recentMilliseconds)),
        `${Math.round(worker.silentSeconds)} s ago`,
      ]),
    ),
    table(
      ['failed', 'code', 'what'],
      failures.map(({ traces: n, code, summary }) => [String(n), code, summary]),
    ),
    failures.length === 0
      ? ''
      : 'Failed traces are ordered again by the next `fundus-lens experiment run`.\n',
  ];
  return sections.join('');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0
    ? ''
    : `\n${drawTable(
        [...head],
        rows.map((row) => [...row]),
      )}`;
}

function drawTime(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`;
}
