import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { languages, themes } from './settings.ts';

/**
 * What only a window of the operating system can do. The desktop answers these calls beside the contract, under
 * `desktop`; a browser does the same with its own means (a file input, a download), and has no `desktop`.
 */

/** What a menu entry or its shortcut asks of the page. */
export const menuCommands = [
  'import-files',
  'import-folder',
  'show-library',
  'show-trace',
  'show-compare',
  'show-tasks',
  'show-models',
  'show-settings',
  'show-help',
  'undo',
  'export-figure',
] as const;

export const openPurposes = ['images', 'table', 'concept-set', 'package'] as const;

export const desktopEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('menu'), command: z.enum(menuCommands) }),
  /** Files that the system opened with the app, or that were named at its start: to be imported. */
  z.object({ type: z.literal('open-files'), paths: z.array(z.string()) }),
]);

const paths = z.object({ paths: z.array(z.string()) });
const fileName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^/\\:*?"<>|\p{Cc}]+$/u)
  .refine((name) => !/^\.+$/.test(name));

export const desktopContract = {
  /** Empty when the dialog was dismissed; so are the other dialogs' answers. */
  openFiles: oc
    .input(z.strictObject({ purpose: z.enum(openPurposes), many: z.boolean().default(true) }))
    .output(paths),
  openFolder: oc.output(paths),
  /** Asks where, and writes the file there. */
  saveFile: oc.input(z.strictObject({ name: fileName, file: z.file() })).output(paths),
  /** Call it from `dragstart`: the figure can then be dropped into another program. */
  dragOut: oc.input(z.strictObject({ name: fileName, file: z.file() })).output(z.object({})),
  openLogFolder: oc.output(z.object({})),
  /** Tells menus and window frame what the page shows. */
  setAppearance: oc
    .input(z.strictObject({ language: z.enum(languages), theme: z.enum(themes) }))
    .output(z.object({})),
  events: oc.output(eventIterator(desktopEventSchema)),
};

export { portMessage } from './desktop-bridge.ts';
export type { DesktopBridge } from './desktop-bridge.ts';

export type MenuCommand = (typeof menuCommands)[number];
export type DesktopEvent = z.infer<typeof desktopEventSchema>;
