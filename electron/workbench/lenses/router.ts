import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import type { LensSummary } from '../../contract/traces/lenses.ts';
import { hashFile, type StoredLens } from '../../store/traces/lenses.ts';
import type { StoredModel } from '../../store/models.ts';
import type { Library } from '../../store/library/library.ts';
import { queueTaskId } from '../../tasks/task-queue.ts';
import { api } from '../api.ts';
import { deliver } from '../exports/deliver.ts';
import { guardTarget } from '../exports/guard-target.ts';
import { nameTaken } from '../name-taken.ts';
import type { Services } from '../services.ts';
import { toQueuedLens } from './lens-work.ts';

export function lensesRouter({ session, settings, engines, events, queue, folders }: Services) {
  const { lenses } = api;
  const publishChange = () => events.publish({ type: 'library', what: 'lenses', ids: [] });
  return lenses.router({
    list: lenses.list.handler(() => {
      const { library } = session;
      return library.lenses.list().map((stored) => viewLens(library, stored));
    }),
    fit: lenses.fit.handler(({ input }) => {
      const { library } = session;
      const task = toQueuedLens(library, input, settings.get().provider, new Date().toISOString());
      const { added } = library.queue.enqueue([task]);
      queue.added();
      return { taskId: queueTaskId(added[0]!) };
    }),
    export: lenses.export.handler(({ input: { id, target } }) => {
      guardTarget(target, folders);
      const stored = session.library.lenses.get(id);
      const fileName = `${stored.name.replaceAll(/[^\p{L}\p{N} ._-]/gu, '_')}.lens.safetensors`;
      const content = createReadStream(session.library.lenses.file(stored)) as AsyncIterable<Uint8Array>;
      return deliver(target, fileName, 'application/octet-stream', content);
    }),
    import: lenses.import.handler(async ({ input: { file, name, modelId } }) => {
      const { library } = session;
      const temporary = library.lenses.newFile();
      try {
        await writeFile(temporary, file.stream(), { mode: 0o600 });
        const given = await hashFile(temporary);
        const model = modelId === undefined ? null : library.models.get(modelId);
        const known = library.lenses.findBySha256(given) ?? library.lenses.findByOrigin(given, model?.sha256);
        if (known !== undefined) return viewLens(library, known);
        const description = await engines.describeLens(temporary, file.name, model && fittedTo(model));
        const own = name ?? description.name;
        if (library.lenses.findByName(own) !== undefined) throw nameTaken();
        const sha256 = await hashFile(temporary);
        const stored = library.lenses.add({ name: own, source: 'imported', description }, temporary, sha256);
        publishChange();
        return viewLens(library, stored);
      } finally {
        await rm(temporary, { force: true });
      }
    }),
    rename: lenses.rename.handler(({ input: { id, name } }) => {
      const { library } = session;
      const other = library.lenses.findByName(name);
      if (other !== undefined && other.id !== id) throw nameTaken();
      const stored = library.lenses.rename(id, name);
      publishChange();
      return viewLens(library, stored);
    }),
    remove: lenses.remove.handler(({ input }) => {
      session.library.lenses.remove(input.id);
      publishChange();
      return { changed: 1 };
    }),
  });
}

/** A model as a lens's file names it. */
function fittedTo({ name: id, sha256, numLayers, dModel }: StoredModel) {
  return { id, sha256, numLayers, dModel };
}

function viewLens(library: Library, stored: StoredLens): LensSummary {
  const { id, name, source, sha256, bytes, description, modelSha256 } = stored;
  return {
    ...description,
    ...{ id, name, source, sha256, bytes },
    modelId: library.models.findBySha256(modelSha256)?.id ?? null,
  };
}
