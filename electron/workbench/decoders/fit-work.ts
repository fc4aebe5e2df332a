import { z } from 'zod';
import { fitOrderSchema, type FitOrder } from '../../contract/protocols/decoders.ts';
import { type DecoderReport } from '../../contract/protocols/decoder-report.ts';
import { encodeDecoder } from '../../decoder/file/decoder-file.ts';
import { fitDecoderInThread } from '../../decoder/fit/fit-in-thread.ts';
import type { DecoderReport as FitReport } from '../../decoder/fit/report.ts';
import { contentKey } from '../../store/database/canonical-json.ts';
import type { Library } from '../../store/library/library.ts';
import type { NewQueuedTask, QueuedTask } from '../../store/queue/queued-task.ts';
import type { QueuedWork, WorkHooks } from '../../tasks/queued-work.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';
import { onDecoders, problemOfRefusal } from './decoder-problem.ts';
import { makeFitRequest } from './fit-request.ts';

interface FitTools {
  readonly session: LibrarySession;
  readonly events: EventLog;
}

const queuedFitSchema = fitOrderSchema.extend({ modelSha256: z.string() });

/** A task for an order; a second order like it is another task. */
export function toQueuedFit(library: Library, order: FitOrder, at: string): NewQueuedTask {
  const { sha256: modelSha256 } = library.models.get(order.modelId);
  return {
    kind: 'decoder-fit',
    contentKey: contentKey({ schema: 'fundus-lens.decoder-fit/1', ...order, modelSha256, at }),
    request: { ...order, modelSha256 },
    imageId: null,
    // The same key as the taps before it, so that it comes after them.
    modelKey: modelSha256,
    priority: 0,
  };
}

/** Fits of the queue: each makes one decoder, in threads of its own. */
export function fitWork({ session, events }: FitTools): QueuedWork {
  return {
    describe: (tasks) => tasks.map((task) => describeFit(session.library, task)),
    run: async ({ request }, hooks) => {
      const order = queuedFitSchema.parse(request);
      const bytes = await fitStored(session.library, order, hooks);
      const { name, modelSha256 } = order;
      return {
        store: () => {
          session.library.decoders.add({ name, source: 'fitted', modelSha256 }, bytes);
          return null;
        },
        stored: () => events.publish({ type: 'library', what: 'decoders', ids: [] }),
      };
    },
  };
}

/**
 * Fits a decoder on stored features.
 *
 * @returns its file
 * @throws FundusLensError `decoder.*`; `engine.cancelled` after an abort
 */
async function fitStored(
  library: Library,
  order: FitOrder,
  { signal, onProgress }: Pick<WorkHooks, 'signal' | 'onProgress'>,
): Promise<Uint8Array> {
  return onDecoders(async () => {
    const { request, sha256s } = makeFitRequest(library, order);
    const { decoder, report } = await fitDecoderInThread(request, {
      signal,
      onProgress: ({ stage, done, total }) => onProgress(stage, done, total),
    });
    const note = { en: order.note, ru: order.note };
    const card = { note, createdAt: new Date().toISOString(), images: sha256s, report: toReport(report) };
    return encodeDecoder({ decoder, card });
  });
}

/** What of a fit's report is kept and shown. */
export function toReport({ images, patients, fields }: FitReport): DecoderReport {
  return {
    images,
    patients,
    fields: fields.map((field) => {
      if (field.status === 'refused') {
        const { status, field: id, kind, error } = field;
        return { status, field: id, kind, problem: problemOfRefusal(error) };
      }
      const { chosen, curves, sourcesLeftOut, commonest, classes, counts, ...rest } = field;
      const { set, layer, score, shuffled, selectivity, measures } = chosen;
      return {
        ...rest,
        classes: classes.map((values) => [...values]),
        counts: [...counts],
        prevalence: commonest,
        chosen: { set, layer, score, shuffled, selectivity, measures: { ...measures } },
        curves: curves.map((curve) => ({
          set: curve.set,
          role: curve.role,
          points: curve.points.map(({ layer: at, score: value, shuffled: none, selectivity: more }) => ({
            layer: at,
            score: value,
            shuffled: none,
            selectivity: more,
          })),
        })),
        sourcesLeftOut: sourcesLeftOut.map((source) => ({ ...source, scores: [...source.scores] })),
      };
    }),
  };
}

function describeFit(library: Library, { request }: QueuedTask) {
  const order = queuedFitSchema.safeParse(request).data;
  if (order === undefined) return { modelId: null, title: {} };
  const model = library.models.list().find(({ id }) => id === order.modelId)?.name;
  return { modelId: order.modelId, title: { ...(model === undefined ? {} : { model }), prompt: order.name } };
}
