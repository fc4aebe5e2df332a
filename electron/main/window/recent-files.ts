import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const listSchema = z.array(z.string()).max(50);
/** As many as a menu shows without being searched. */
const most = 10;

/**
 * Files and folders that were opened last, newest first. The list is ours: the system's own, which shows them outside of the
 * program, is not told, since names of files may name patients.
 */
export class RecentFiles {
  /** Called after each change. */
  onChange = () => {};
  readonly #file: string;
  #paths: readonly string[];

  constructor(file: string) {
    this.#file = file;
    this.#paths = read(file);
  }

  /** Those that are still there. */
  list(): readonly string[] {
    return this.#paths.filter((path) => existsSync(path));
  }

  add(paths: readonly string[]): void {
    this.#keep([...new Set([...paths, ...this.#paths])].slice(0, most));
  }

  clear(): void {
    this.#keep([]);
  }

  #keep(paths: readonly string[]): void {
    this.#paths = paths;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(`${this.#file}.part`, JSON.stringify(paths));
      renameSync(`${this.#file}.part`, this.#file);
    } catch {
      // A list that is shorter next time is no reason to stop an import.
    }
    this.onChange();
  }
}

function read(file: string): readonly string[] {
  try {
    return listSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return [];
  }
}
