import type { Command } from 'commander';
import { FundusLensError } from '../../contract/errors.ts';
import type { ClusterAddress } from '../../workbench/cluster/cluster-connection.ts';

export interface ClusterOptions {
  readonly queue?: string | undefined;
  readonly storage?: string | undefined;
}

/** Adds the options that name a cluster. */
export function addClusterOptions(command: Command): Command {
  return addQueueOption(command).option(
    '--storage <folder>',
    'folder that every host reaches, for photographs and traces; or FUNDUS_LENS_STORAGE',
  );
}

export function addQueueOption(command: Command): Command {
  return command.option(
    '--queue <url>',
    'PostgreSQL that the hosts share, postgres://user@host/database; or FUNDUS_LENS_QUEUE',
  );
}

/** The cluster that was named; null for none. @throws FundusLensError `cluster.not-configured` for half of one */
export function clusterOf({ queue, storage }: ClusterOptions): ClusterAddress | null {
  const { FUNDUS_LENS_QUEUE: ofQueue, FUNDUS_LENS_STORAGE: ofStorage } = process.env;
  const named = { queue: queue ?? ofQueue, storage: storage ?? ofStorage };
  if (named.queue === undefined || named.queue === '') return null;
  if (named.storage !== undefined && named.storage !== '')
    return { queue: named.queue, storage: named.storage };
  throw new FundusLensError('cluster.not-configured', 'The cluster has no storage.', {
    expected: 'a queue and a storage',
    found: 'a queue alone',
    advice: 'Name the folder with --storage, or with FUNDUS_LENS_STORAGE.',
  });
}

/** @throws FundusLensError `cluster.not-configured` */
export function requireQueue({ queue }: ClusterOptions): string {
  const found = queue ?? process.env['FUNDUS_LENS_QUEUE'];
  if (found !== undefined && found !== '') return found;
  throw new FundusLensError('cluster.not-configured', 'No cluster was named.', {
    expected: 'postgres://user@host/database',
    advice: 'Name it with --queue, or with FUNDUS_LENS_QUEUE.',
  });
}
