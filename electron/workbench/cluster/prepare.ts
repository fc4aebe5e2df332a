import { prepareCluster } from '../../cluster/cluster.ts';

/**
 * Makes the tables of a cluster's database, or brings them to this version.
 *
 * @throws FundusLensError `cluster.unreachable`, `cluster.not-prepared`
 */
export function prepareDatabase(queue: string): Promise<void> {
  return prepareCluster(queue);
}
