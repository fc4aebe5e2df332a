import { z } from 'zod';
import { call } from './call.ts';
import { byId, count } from './ids.ts';
import { problemSchema } from './problem.ts';

/** How far an experiment is on the cluster. */
export const clusterProgressSchema = z.object({
  /** Traces of the experiment. */
  total: count,
  /** In this library. */
  here: count,
  /** Ordered, and not computed yet. */
  waiting: count,
  failed: count,
  /** Computed, and not fetched yet. */
  ready: count,
  /** The first of what failed. */
  problem: problemSchema.nullable(),
});

export type ClusterProgress = z.infer<typeof clusterProgressSchema>;

/** Experiments that other hosts compute; `cluster.not-configured` unless the software was started with a queue. */
export const cluster = {
  /**
   * Orders what is missing of an experiment and was not ordered before, and what failed there; photographs go to the
   * storage by their content.
   */
  submit: call.input(byId).output(z.object({ ordered: count, chunks: count, photographs: count })),
  /** Takes traces that are ready into the library, at most so many. */
  collect: call
    .input(byId.extend({ limit: z.int().positive().max(10_000).default(500) }))
    .output(clusterProgressSchema.extend({ collected: count })),
};
