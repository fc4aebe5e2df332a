import { realiseProtocol } from '../../protocol/realise.ts';
import { api } from '../api.ts';
import type { Services } from '../services.ts';
import { restoreAll } from '../trash/restore.ts';
import { guardTarget } from '../exports/guard-target.ts';
import { exportProtocols } from './export-protocols.ts';
import { fundusFile, fundusSchema } from './protocol-form.ts';
import {
  compareStored,
  measureGroupAgreement,
  openProtocol,
  restoreProtocol,
  saveProtocol,
} from './stored-protocols.ts';

export function protocolsRouter({ session, events, folders, undo }: Services) {
  const { protocols } = api;
  /** Tells every window that an image has another protocol. */
  const publishChange = (imageId: number) =>
    events.publish({ type: 'library', what: 'protocols', ids: [imageId] });
  return protocols.router({
    schema: protocols.schema.handler(() => fundusFile),
    list: protocols.list.handler(({ input }) => session.library.protocols.ofImage(input.imageId)),
    get: protocols.get.handler(({ input }) => openProtocol(session.library, input.id)),
    observers: protocols.observers.handler(() => session.library.protocols.observers()),
    save: protocols.save.handler(({ input: { imageId, observer, values, basedOn } }) => {
      const saved = saveProtocol(session.library, { imageId, observer }, values, basedOn);
      publishChange(imageId);
      return saved;
    }),
    history: protocols.history.handler(({ input }) =>
      session.library.protocols.history(input.imageId, input.observer),
    ),
    restore: protocols.restore.handler(({ input }) => {
      const restored = restoreProtocol(session.library, input.id);
      publishChange(restored.version.imageId);
      return restored;
    }),
    remove: protocols.remove.handler(({ input }) => {
      const { library } = session;
      const { imageId, observer } = input;
      const kept = library.transaction(() => {
        const trashId = library.trash.keepProtocols(imageId, observer);
        return { trashId, changed: library.protocols.remove(imageId, observer) };
      });
      const { trashId, changed } = kept;
      if (trashId !== null) {
        undo.push({ action: 'remove-protocol', imageIds: [imageId] }, () => restoreAll(library, [trashId]));
        events.publish({ type: 'library', what: 'trash', ids: [] });
      }
      publishChange(input.imageId);
      return { changed };
    }),
    compare: protocols.compare.handler(({ input }) => compareStored(session.library, input.ids)),
    agreement: protocols.agreement.handler(({ input }) =>
      measureGroupAgreement(session.library, input.groupId, input.observers),
    ),
    text: protocols.text.handler(({ input }) => ({
      text: realiseProtocol(fundusSchema, openProtocol(session.library, input.id).protocol, input.language),
    })),
    export: protocols.export.handler(({ input }) => {
      guardTarget(input.target, folders);
      return exportProtocols(session.library, input);
    }),
  });
}
