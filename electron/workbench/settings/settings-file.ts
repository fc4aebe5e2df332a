import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { settingsSchema } from '../../contract/app/settings.ts';
import type { AppSettings, SettingsPatch } from '../../contract/app/settings.ts';
import { FundusLensError } from '../../contract/errors.ts';

/** What a person chose for this computer, in one small JSON file beside no library. */
export class SettingsFile {
  readonly #file: string | null;
  #settings: AppSettings;

  /** @param file null keeps the settings in memory only */
  constructor(file: string | null) {
    this.#file = file;
    this.#settings = file === null ? settingsSchema.parse({}) : read(file);
  }

  get(): AppSettings {
    return this.#settings;
  }

  /** @throws FundusLensError `output.unwritable`, and nothing is changed */
  patch(patch: SettingsPatch): AppSettings {
    const { backups, trace, models, updates, interface: faces, ...plain } = patch;
    const current = this.#settings;
    const merged = settingsSchema.parse({
      ...current,
      ...plain,
      backups: { ...current.backups, ...backups },
      trace: { ...current.trace, ...trace },
      models: { ...current.models, ...models },
      updates: { ...current.updates, ...updates },
      interface: Object.fromEntries(
        Object.entries({ ...current.interface, ...faces }).filter(([, value]) => value !== null),
      ),
    });
    if (this.#file !== null) write(this.#file, merged);
    this.#settings = merged;
    return merged;
  }
}

/** A file that is missing or damaged gives the defaults; a damaged one is kept aside. */
function read(file: string): AppSettings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return settingsSchema.parse({});
  }
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch {
    renameSync(file, `${file}.damaged`);
    return settingsSchema.parse({});
  }
}

function write(file: string, settings: AppSettings): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}.part`;
    writeFileSync(temporary, `${JSON.stringify(settings, null, 2)}\n`);
    renameSync(temporary, file);
  } catch (cause) {
    throw new FundusLensError('output.unwritable', 'The settings cannot be saved.', {
      expected: 'a folder that may be written to and has room',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'free some space, or repair the permissions of the settings folder',
      cause,
    });
  }
}
