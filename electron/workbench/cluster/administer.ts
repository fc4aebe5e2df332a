import { openCluster, prepareCluster } from '../../cluster/cluster.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { writeMetrics } from '../../cluster/metrics.ts';
import { cancelOrder, retryGivenUp } from '../../cluster/operations.ts';
import { readStatus } from '../../cluster/status.ts';
import type { ClusterStatus } from '../../cluster/status.ts';

export type { ClusterStatus };
export { writeMetrics };

/**
 * Makes the tables of a cluster's database, or brings them to this version.
 *
 * @returns whether the roles are there
 * @throws FundusLensError `cluster.unreachable`, `cluster.not-prepared`
 */
export function prepareDatabase(queue: string): Promise<boolean> {
  return prepareCluster(queue);
}

/** @throws FundusLensError `cluster.*` */
export function clusterStatus(queue: string): Promise<ClusterStatus> {
  return withCluster(queue, readStatus);
}

/** Lets hosts take again what they gave up. @returns how many chunks */
export function retryChunks(queue: string): Promise<number> {
  return withCluster(queue, retryGivenUp);
}

/** Takes an experiment out of the queue. @returns traces that will not be computed */
export function cancelPlan(queue: string, plan: string): Promise<number> {
  return withCluster(queue, (cluster) => cancelOrder(cluster, plan));
}

async function withCluster<T>(queue: string, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const cluster = await openCluster(queue);
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}
