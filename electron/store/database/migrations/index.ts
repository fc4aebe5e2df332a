import { records } from './001-records.ts';
import { traces } from './002-traces.ts';
import { search } from './003-search.ts';
import { jobsAndAudit } from './004-jobs-and-audit.ts';
import { protocols } from './005-protocols.ts';
import { decoders } from './006-decoders.ts';
import { compactTraces } from './007-compact-traces.ts';
import { datasets } from './008-datasets.ts';
import { clinic } from './009-clinic.ts';
import { experiments } from './010-experiments.ts';
import { drawings } from './011-drawings.ts';
import { traceOrder } from './012-trace-order.ts';
import { traceCurves } from './013-trace-curves.ts';
import { lenses } from './014-lenses.ts';

/** SQL that takes a library from the version before to the next; released ones are never edited. */
export const migrations: readonly string[] = [
  records,
  traces,
  search,
  jobsAndAudit,
  protocols,
  decoders,
  compactTraces,
  datasets,
  clinic,
  experiments,
  drawings,
  traceOrder,
  traceCurves,
  lenses,
];
