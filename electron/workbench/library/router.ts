import { api } from '../api.ts';
import { backupLimits } from './backup-limits.ts';
import type { Services } from '../services.ts';

export function libraryRouter(services: Services) {
  const { session, settings, events, queue, imports, undo } = services;
  return api.library.router({
    status: api.library.status.handler(() => session.status()),
    backups: api.library.backups.router({
      list: api.library.backups.list.handler(() => session.backups()),
      create: api.library.backups.create.handler(async () => {
        const backup = await session.backup(backupLimits(settings.get().backups));
        events.publish({ type: 'library', what: 'backups', ids: [] });
        return backup;
      }),
      restore: api.library.backups.restore.handler(async ({ input }) => {
        await imports.cancelAll();
        await queue.stop();
        try {
          await session.restore(input.name);
        } finally {
          undo.clear();
          queue.start();
        }
        events.publish({ type: 'resync' });
        return session.status();
      }),
    }),
    erase: api.library.erase.handler(async () => {
      const { files, bytes, backups } = await session.library.erase();
      undo.clear();
      events.publish({ type: 'library', what: 'trash', ids: [] });
      return { files, bytes, backups: [...backups] };
    }),
    verify: api.library.verify.handler(({ signal }) => session.verify(signal)),
    audit: api.library.audit.handler(({ input: { limit, beforeId } }) =>
      session.library.audit
        .list(limit, beforeId)
        .map((entry) => ({ ...entry, details: { ...entry.details } })),
    ),
  });
}
