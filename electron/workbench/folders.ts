import { bundledPath } from '../bundled/bundled-path.ts';

/** Folders that the workbench reads and writes; absolute paths. */
export interface WorkbenchFolders {
  readonly library: string;
  /** Can be deleted while the workbench is closed. */
  readonly cache: string;
  /** Models that we keep ourselves. */
  readonly models: string;
  readonly logs: string | null;
  /** Where the settings of this computer lie; null when they are in memory only. */
  readonly settings: string | null;
  /** The only folders that an export may be written to; null for any that is not the software's own. */
  readonly exports: readonly string[] | null;
  /** Checkpoint that comes with the software. */
  readonly demoModel: string;
  /** Photographs that a new library begins with. */
  readonly samples: string;
}

/** What comes with the software. */
export const bundled = {
  demoModel: bundledPath('models', 'demo'),
  samples: bundledPath('data', 'samples'),
} as const;
