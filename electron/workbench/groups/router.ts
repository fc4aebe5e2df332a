import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { nameTaken } from '../name-taken.ts';
import { restoreAll } from '../trash/restore.ts';
import { exportStatistics } from './export-statistics.ts';
import { statisticsInThread } from './statistics-in-thread.ts';

export function groupsRouter({ session, events, undo }: Services) {
  const { groups } = api;
  const tell = (id: number) => events.publish({ type: 'library', what: 'groups', ids: [id] });
  return groups.router({
    list: groups.list.handler(() => session.library.groups.list()),
    get: groups.get.handler(({ input }) => ({
      group: session.library.groups.get(input.id),
      imageIds: session.library.groups.imageIds(input.id),
    })),
    create: groups.create.handler(({ input: { name, note } }) => {
      if (session.library.groups.findByName(name) !== undefined) throw nameTaken();
      const group = session.library.groups.create(name, note);
      undo.push({ action: 'create-group', imageIds: [] }, () => session.library.groups.remove(group.id));
      tell(group.id);
      return group;
    }),
    update: groups.update.handler(({ input: { id, change } }) => {
      const { library } = session;
      const { name, note } = change;
      const owner = name === undefined ? undefined : library.groups.findByName(name);
      if (owner !== undefined && owner.id !== id) throw nameTaken();
      const group = library.groups.update(id, {
        ...(name === undefined ? {} : { name }),
        ...(note === undefined ? {} : { note }),
      });
      tell(id);
      return group;
    }),
    remove: groups.remove.handler(({ input }) => {
      const { library } = session;
      const imageIds = library.groups.imageIds(input.id);
      const kept = library.transaction(() => {
        const trashId = library.trash.keepGroup(input.id);
        library.groups.remove(input.id);
        return trashId;
      });
      undo.push({ action: 'remove-group', imageIds }, () => restoreAll(library, [kept]));
      events.publish({ type: 'library', what: 'trash', ids: [] });
      tell(input.id);
      return { changed: 1 };
    }),
    addImages: groups.addImages.handler(({ input: { id, images } }) => {
      const { library } = session;
      const members = new Set(library.groups.imageIds(id));
      const added = chosenImages(library, images).filter((imageId) => !members.has(imageId));
      library.groups.addImages(id, added);
      undo.push({ action: 'add-to-group', imageIds: added }, () => library.groups.removeImages(id, added));
      tell(id);
      return library.groups.get(id);
    }),
    removeImages: groups.removeImages.handler(({ input: { id, images } }) => {
      const { library } = session;
      const members = new Set(library.groups.imageIds(id));
      const removed = chosenImages(library, images).filter((imageId) => members.has(imageId));
      library.groups.removeImages(id, removed);
      undo.push({ action: 'remove-from-group', imageIds: removed }, () =>
        library.groups.addImages(id, removed),
      );
      tell(id);
      return library.groups.get(id);
    }),
    traced: groups.traced.handler(({ input }) => {
      session.library.groups.get(input.id);
      return session.library.groups.traced(input.id);
    }),
    statistics: groups.statistics.handler(({ input }) => statisticsInThread(session.library, input)),
    export: groups.export.handler(async ({ input: { format, target, ...question } }) =>
      exportStatistics(await statisticsInThread(session.library, question), format, target),
    ),
  });
}
