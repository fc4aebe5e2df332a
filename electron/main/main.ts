import { join } from 'node:path';
import { app } from 'electron';
import { runDesktop } from './desktop.ts';

runDesktop({
  builtFolder: join(import.meta.dirname, '..'),
  // For developers alone: a variable of the environment never chooses a program that an installed desktop runs.
  node: app.isPackaged ? null : (process.env['FUNDUS_LENS_NODE'] ?? null),
});
