import { randomUUID } from 'node:crypto';
import type { Cluster } from './cluster.ts';

export interface WorkerDescription {
  readonly host: string;
  readonly version: string;
  /** What computes, in words. */
  readonly device: string;
  /** SHA-256 of the models that it has. */
  readonly models: readonly string[];
}

/** One entry of the list of workers; each of its signs of life is a row's change. */
export class WorkerEntry {
  readonly id = randomUUID();
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Appears in the list, or is there still. */
  async announce({ host, version, device, models }: WorkerDescription): Promise<void> {
    await this.#cluster.pool.query(
      `INSERT INTO fundus_lens.workers (id, host, pid, version, device, models) VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (id) DO UPDATE SET seen_at = now(), models = excluded.models, device = excluded.device`,
      [this.id, host, process.pid, version, device, models],
    );
  }

  async leave(): Promise<void> {
    await this.#cluster.pool.query(
      'UPDATE fundus_lens.workers SET stopped_at = now(), seen_at = now() WHERE id = $1',
      [this.id],
    );
  }
}
