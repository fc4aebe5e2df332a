import { deserializeError } from '../../contract/problem.ts';
import { decodeDecoder } from '../../decoder/file/decoder-file.ts';
import type { Library } from '../../store/library/library.ts';
import { queueTaskId } from '../../tasks/task-queue.ts';
import { api } from '../api.ts';
import { deliver } from '../exports/deliver.ts';
import { guardTarget } from '../exports/guard-target.ts';
import { folderOf } from '../models/model-state.ts';
import type { Services } from '../services.ts';
import { decodeImage, decodeImages } from './apply.ts';
import { exportDecoded } from './decoded-table.ts';
import { onDecoders } from './decoder-problem.ts';
import { previewFit } from './fit-request.ts';
import { toQueuedFit } from './fit-work.ts';
import { viewDecoder, viewReport } from './open-decoder.ts';
import { answersOfImage, compareSaid, enqueueQuestions } from './said.ts';
import { addShippedDecoders } from './shipped.ts';
import { enqueueTaps } from './tap-order.ts';

export function decodersRouter(services: Services) {
  const { decoders } = api;
  const { session, events, queue, folders } = services;
  const complete = new WeakSet<Library>();
  /** The library that is open now, with what comes with the software; a restore puts another in its place. */
  const openLibrary = async (): Promise<Library> => {
    const { library } = session;
    if (!complete.has(library) && !session.isReadOnly) await onDecoders(() => addShippedDecoders(library));
    complete.add(library);
    return library;
  };
  const publishChange = () => events.publish({ type: 'library', what: 'decoders', ids: [] });
  return decoders.router({
    list: decoders.list.handler(async () => {
      const library = await openLibrary();
      return Promise.all(library.decoders.list().map(({ id }) => viewDecoder(library, id)));
    }),
    get: decoders.get.handler(async ({ input }) => viewDecoder(await openLibrary(), input.id)),
    report: decoders.report.handler(async ({ input }) => viewReport(await openLibrary(), input.id)),
    tap: decoders.tap.handler(({ input }) => {
      const outcome = enqueueTaps(services, input);
      queue.added();
      return outcome;
    }),
    preview: decoders.preview.handler(({ input }) => onDecoders(() => previewFit(session.library, input))),
    fit: decoders.fit.handler(async ({ input }) => {
      const { library } = session;
      folderOf(library.models.get(input.modelId));
      const preview = await onDecoders(() => previewFit(library, input));
      const problem = preview.fields.every((field) => field.problem !== null)
        ? preview.fields[0]!.problem
        : null;
      if (problem !== null) throw deserializeError(problem);
      const { images, modelId, prompt, maxPixels } = input;
      const shape = prompt === undefined ? { modelId, maxPixels } : { modelId, prompt, maxPixels };
      const { tasks } = enqueueTaps(services, { ...shape, images, priority: 0 });
      const { added } = library.queue.enqueue([toQueuedFit(library, input, new Date().toISOString())]);
      queue.added();
      return { taskId: queueTaskId(added[0]!), taps: tasks };
    }),
    apply: decoders.apply.handler(async ({ input }) => {
      await openLibrary();
      return decodeImage(services, input);
    }),
    applyMany: decoders.applyMany.handler(async ({ input }) => decodeImages(await openLibrary(), input)),
    exportTable: decoders.exportTable.handler(async ({ input: { format, target, ...wanted } }) => {
      guardTarget(target, folders);
      return exportDecoded(await decodeImages(await openLibrary(), wanted), format, target);
    }),
    export: decoders.export.handler(async ({ input: { id, target } }) => {
      guardTarget(target, folders);
      const library = await openLibrary();
      const { name } = library.decoders.get(id);
      const fileName = `${name.replaceAll(/[^\p{L}\p{N} ._-]/gu, '_')}.decoder.safetensors`;
      return deliver(target, fileName, 'application/octet-stream', library.decoders.read(id));
    }),
    import: decoders.import.handler(async ({ input: { file, name } }) => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const library = await openLibrary();
      const { decoder } = await onDecoders(() => decodeDecoder(bytes, file.name));
      const stored = library.decoders.add(
        {
          name: name === undefined || name === '' ? decoder.name : name,
          source: 'imported',
          modelSha256: decoder.origin.modelHash,
        },
        bytes,
      );
      publishChange();
      return viewDecoder(library, stored.id);
    }),
    rename: decoders.rename.handler(({ input: { id, name } }) => {
      session.library.decoders.rename(id, name);
      publishChange();
      return viewDecoder(session.library, id);
    }),
    remove: decoders.remove.handler(({ input }) => {
      session.library.decoders.remove(input.id);
      publishChange();
      return { changed: 1 };
    }),
    ask: decoders.ask.handler(async ({ input }) => {
      await openLibrary();
      const outcome = await enqueueQuestions(services, input);
      queue.added();
      return outcome;
    }),
    answers: decoders.answers.handler(async ({ input }) => answersOfImage(await openLibrary(), input)),
    said: decoders.said.handler(async ({ input }) =>
      compareSaid(await openLibrary(), input.decoderId, input.images),
    ),
  });
}
