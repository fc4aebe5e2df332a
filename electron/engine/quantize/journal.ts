import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const entrySchema = z.object({ name: z.string(), sha256: z.string(), relativeError: z.number() });
export type JournalEntry = z.infer<typeof entrySchema>;

/** What a folder that is being prepared already holds, one line per finished tensor. */
export class Journal {
  readonly #file: string;
  readonly #entries = new Map<string, JournalEntry>();

  private constructor(file: string) {
    this.#file = file;
  }

  static place(folder: string): string {
    return path.join(folder, 'journal.jsonl');
  }

  /** A journal of the same work, or null when there is none. A line that was cut off is as good as not written. */
  static resume(folder: string, id: string): Journal | null {
    const journal = new Journal(Journal.place(folder));
    if (!existsSync(journal.#file)) return null;
    const [first, ...lines] = readFileSync(journal.#file, 'utf8').split('\n');
    if (first !== id) return null;
    for (const line of lines) {
      const entry = entrySchema.safeParse(parse(line));
      if (entry.success) journal.#entries.set(entry.data.name, entry.data);
    }
    journal.#rewrite(id);
    return journal;
  }

  static begin(folder: string, id: string): Journal {
    const journal = new Journal(Journal.place(folder));
    journal.#rewrite(id);
    return journal;
  }

  get(name: string): JournalEntry | undefined {
    return this.#entries.get(name);
  }

  add(entry: JournalEntry): void {
    this.#entries.set(entry.name, entry);
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  /** Takes tensors back that turned out not to be what was written. */
  remove(names: readonly string[], id: string): void {
    for (const name of names) this.#entries.delete(name);
    this.#rewrite(id);
  }

  #rewrite(id: string): void {
    writeFileSync(
      this.#file,
      [id, ...[...this.#entries.values()].map((entry) => JSON.stringify(entry)), ''].join('\n'),
    );
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
