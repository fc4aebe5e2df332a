import { ChunkQueue } from '../../cluster/chunk-queue.ts';
import { openCluster } from '../../cluster/cluster.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import { openStorage } from '../../cluster/storage/open-storage.ts';
import type { ObjectStorage } from '../../cluster/storage/storage.ts';
import { FundusLensError } from '../../contract/errors.ts';

/** Where the hosts of a cluster meet. */
export interface ClusterAddress {
  /** `postgres://…` */
  readonly queue: string;
  /** Folder that every host reaches. */
  readonly storage: string;
}

export interface OpenedCluster {
  readonly cluster: Cluster;
  readonly chunks: ChunkQueue;
  readonly storage: ObjectStorage;
}

/** The cluster of this workbench, connected with the first call that needs it. */
export class ClusterConnection {
  readonly #address: ClusterAddress | null;
  readonly #onError: (event: string, error: unknown) => void;
  #opened: Promise<OpenedCluster> | null = null;

  constructor(address: ClusterAddress | null, onError: (event: string, error: unknown) => void) {
    this.#address = address;
    this.#onError = onError;
  }

  /** @throws FundusLensError `cluster.not-configured`, `cluster.not-prepared`, `cluster.unreachable`, `cluster.storage` */
  async open(): Promise<OpenedCluster> {
    if (this.#address === null)
      throw new FundusLensError('cluster.not-configured', 'No cluster was named.', {
        expected: 'a queue and a storage',
        advice: 'Start with --queue and --storage, or with FUNDUS_LENS_QUEUE and FUNDUS_LENS_STORAGE.',
      });
    this.#opened ??= this.#connect(this.#address);
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => null);
    await opened?.cluster.close();
  }

  async #connect({ queue, storage }: ClusterAddress): Promise<OpenedCluster> {
    const opened = await openStorage(storage);
    const cluster = await openCluster(queue, { onError: (error) => this.#onError('cluster', error) });
    return { cluster, chunks: new ChunkQueue(cluster), storage: opened };
  }
}
