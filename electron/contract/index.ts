import { app } from './app.ts';
import { compare } from './compare.ts';
import { concepts } from './concepts.ts';
import { decoders } from './decoders.ts';
import { drawings } from './drawings.ts';
import { events } from './events.ts';
import { experiments } from './experiments.ts';
import { exports } from './exports.ts';
import { groups } from './groups.ts';
import { images } from './images.ts';
import { imports } from './imports.ts';
import { library } from './library.ts';
import { models } from './models.ts';
import { patients } from './patients.ts';
import { prompts } from './prompts.ts';
import { protocols } from './protocols.ts';
import { providers } from './providers.ts';
import { settings } from './settings.ts';
import { tags } from './tags.ts';
import { tasks } from './tasks.ts';
import { traces } from './traces.ts';
import { trash } from './trash.ts';
import { visits } from './visits.ts';

/** Every call between a face and the workbench. */
export const contract = {
  app,
  library,
  images,
  patients,
  visits,
  groups,
  tags,
  imports,
  models,
  providers,
  protocols,
  drawings,
  decoders,
  experiments,
  concepts,
  prompts,
  traces,
  trash,
  tasks,
  compare,
  exports,
  settings,
  events,
};
