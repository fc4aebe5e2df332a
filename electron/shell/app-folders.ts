import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** Where the app keeps what is not in the library; absolute paths. */
export interface AppFolders {
  readonly library: string;
  readonly cache: string;
  /** Models that the software keeps itself, unless the settings name another folder. */
  readonly models: string;
  /** Libraries of graphics cards that are no part of the software. */
  readonly libraries: string;
  readonly settingsFile: string;
  readonly logs: string;
}

/**
 * The places that each system has for a program's data. A library chosen in the settings wins over the default one,
 * and one named at the start wins over both.
 */
export function findAppFolders(chosenLibrary?: string): AppFolders {
  const { data, cache } = systemFolders();
  const settingsFile = join(data, 'settings.json');
  return {
    library: chosenLibrary ?? libraryOfSettings(settingsFile) ?? join(data, 'library'),
    cache,
    models: join(data, 'models'),
    libraries: process.env['FUNDUS_LENS_PROVIDER_LIBRARIES'] ?? join(data, 'libraries'),
    settingsFile,
    logs: join(data, 'logs'),
  };
}

function systemFolders(): { readonly data: string; readonly cache: string } {
  const { env, platform } = process;
  if (platform === 'win32') {
    const local = join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'fundus-lens');
    return { data: local, cache: join(local, 'cache') };
  }
  if (platform === 'darwin') {
    const library = join(homedir(), 'Library');
    return {
      data: join(library, 'Application Support', 'fundus-lens'),
      cache: join(library, 'Caches', 'fundus-lens'),
    };
  }
  return {
    data: join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'fundus-lens'),
    cache: join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'fundus-lens'),
  };
}

/** A settings file that cannot be read is the workbench's to report; here it only means "the default library". */
function libraryOfSettings(file: string): string | null {
  if (!existsSync(file)) return null;
  try {
    const settings = z
      .object({ libraryFolder: z.string().min(1).nullish() })
      .parse(JSON.parse(readFileSync(file, 'utf8')));
    return settings.libraryFolder ?? null;
  } catch {
    return null;
  }
}
