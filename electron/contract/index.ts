import { app } from './app/app.ts';
import { causalChecks } from './causal-checks.ts';
import { cluster } from './cluster.ts';
import { compare } from './traces/compare.ts';
import { concepts } from './traces/concepts.ts';
import { decoders } from './protocols/decoders.ts';
import { drawings } from './protocols/drawings.ts';
import { events } from './app/events.ts';
import { experiments } from './experiments.ts';
import { exports } from './exports.ts';
import { groups } from './images/groups.ts';
import { images } from './images/images.ts';
import { imports } from './imports/imports.ts';
import { lenses } from './traces/lenses.ts';
import { library } from './app/library.ts';
import { models } from './models/models.ts';
import { patients } from './images/patients.ts';
import { prompts } from './traces/prompts.ts';
import { protocols } from './protocols/protocols.ts';
import { providers } from './models/providers.ts';
import { settings } from './app/settings.ts';
import { tags } from './images/tags.ts';
import { tasks } from './app/tasks.ts';
import { traces } from './traces/traces.ts';
import { trash } from './app/trash.ts';
import { updates } from './app/updates.ts';
import { visits } from './images/visits.ts';

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
  cluster,
  causalChecks,
  lenses,
  concepts,
  prompts,
  traces,
  trash,
  tasks,
  compare,
  exports,
  settings,
  updates,
  events,
};
