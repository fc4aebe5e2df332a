import { existsSync } from 'node:fs';
import path from 'node:path';
import { importChoicesSchema } from '../contract/imports/imports.ts';
import type { Services } from './services.ts';
import { addDemoModel } from './models/stored-models.ts';

/**
 * Puts something to look at into a new library: the sample photographs, and the checkpoint that comes with the software.
 * A library that ever had an import is left as it is. Until it has ended, the library's status says so.
 */
export async function fillNewLibrary(
  services: Services,
  { samples, demoModel }: { readonly samples: boolean; readonly demoModel: boolean },
): Promise<void> {
  const { session, imports, folders, events } = services;
  if (session.isReadOnly) return;
  const isNew = session.library.imports.list(1).length === 0;
  const manifest = path.join(folders.samples, 'manifest.csv');
  session.isFilling = true;
  try {
    if (samples && isNew && existsSync(manifest)) {
      await imports.wait(await imports.start([folders.samples], importChoicesSchema.parse({ manifest })));
    }
    if (demoModel) await addDemoModel(services);
  } finally {
    session.isFilling = false;
    events.publish({ type: 'library', what: 'images', ids: [] });
  }
}
