import type { Media } from '../../contract/images/media.ts';
import type { SerializedError } from '../../contract/problem.ts';
import type { AppSettings } from '../../contract/app/settings.ts';
import type { EngineCommand, EngineEvent } from '../../engine/process/messages.ts';

/** What the workbench is opened with; absolute paths. */
export interface WorkbenchOrder {
  readonly libraryFolder: string;
  readonly cacheFolder: string;
  readonly modelsFolder: string;
  readonly librariesFolder: string;
  readonly settingsFile: string;
  readonly logFolder: string;
  /** What comes with the software, unless left out; null keeps it out of a new library. */
  readonly samplesFolder?: string | null;
  readonly demoModelFolder?: string | null;
}

/** What the window's process says to the workbench's. A line is one page's; an engine is numbered by the workbench. */
export type WorkbenchCommand =
  | { readonly type: 'open'; readonly order: WorkbenchOrder }
  | { readonly type: 'line'; readonly line: number; readonly data: unknown }
  | { readonly type: 'line-end'; readonly line: number }
  | { readonly type: 'media'; readonly id: number; readonly imageId: number; readonly view: string }
  | EngineNews
  | { readonly type: 'close' };

/** What becomes of an engine that the window's process has started for the workbench's. */
export type EngineNews =
  | {
      readonly type: 'engine-event';
      readonly engine: number;
      readonly pid: number | null;
      readonly event: EngineEvent;
    }
  | { readonly type: 'engine-end'; readonly engine: number; readonly error: SerializedError };

/** What the workbench's process says to the window's. */
export type WorkbenchEvent =
  | { readonly type: 'opened'; readonly language: AppSettings['language'] }
  | { readonly type: 'failed'; readonly error: SerializedError }
  | { readonly type: 'line'; readonly line: number; readonly data: unknown }
  | { readonly type: 'media'; readonly id: number; readonly media: Media | null }
  | EngineOrder;

/** Only the window's process may start processes where the desktop's binary is no Node. */
export type EngineOrder =
  | {
      readonly type: 'engine-start';
      readonly engine: number;
      readonly script: string;
      /** Beside that of the window's process. */
      readonly environment: Readonly<Record<string, string>>;
    }
  | { readonly type: 'engine-post'; readonly engine: number; readonly command: EngineCommand }
  | { readonly type: 'engine-kill'; readonly engine: number }
  | { readonly type: 'engine-close'; readonly engine: number };
