import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { HubAccount as HubAccountView } from '../../contract/models/models.ts';
import { HubClient } from '../../model-hub/hub/hub-client.ts';
import type { SettingsFile } from '../settings/settings-file.ts';

const publicHub = 'https://huggingface.co';
const fileSchema = z.object({ origin: z.string(), token: z.string().min(1) });

/**
 * Which hub is asked, and as whom. The token lies in a file of its own that only its owner may read, belongs to the
 * address it was entered for, and is given to no other.
 */
export class HubAccount {
  readonly #settings: SettingsFile;
  readonly #file: string | null;
  readonly #stallMilliseconds: number | undefined;
  #inMemory: z.infer<typeof fileSchema> | null = null;

  /** @param file null keeps the token in memory only */
  constructor(settings: SettingsFile, file: string | null, stallMilliseconds?: number) {
    this.#settings = settings;
    this.#file = file;
    this.#stallMilliseconds = stallMilliseconds;
  }

  get endpoint(): string {
    const chosen = this.#settings.get().models.endpoint ?? process.env['HF_ENDPOINT'] ?? publicHub;
    return chosen === '' ? publicHub : chosen.replace(/\/+$/, '');
  }

  describe(): HubAccountView {
    const kept = this.#keptToken() !== null;
    const token = kept ? 'kept' : environmentToken() === null ? 'none' : 'environment';
    return { endpoint: this.endpoint, token, offline: this.#settings.get().offline };
  }

  /** @throws FundusLensError `input.invalid` when the address of the hub is none */
  connect(): HubClient {
    return new HubClient({
      endpoint: this.endpoint,
      token: this.#keptToken() ?? environmentToken(),
      isOffline: () => this.#settings.get().offline,
      ...(this.#stallMilliseconds === undefined ? {} : { stallMilliseconds: this.#stallMilliseconds }),
    });
  }

  /** @param token null forgets it */
  setToken(token: string | null): void {
    this.#inMemory = token === null ? null : { origin: new URL(this.endpoint).origin, token };
    if (this.#file === null) return;
    if (this.#inMemory === null) {
      rmSync(this.#file, { force: true });
      return;
    }
    mkdirSync(path.dirname(this.#file), { recursive: true });
    const temporary = `${this.#file}.new`;
    writeFileSync(temporary, JSON.stringify(this.#inMemory), { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, this.#file);
  }

  #keptToken(): string | null {
    const kept = this.#file === null ? this.#inMemory : readToken(this.#file);
    return kept?.origin === URL.parse(this.endpoint)?.origin ? (kept?.token ?? null) : null;
  }
}

/** As Python's huggingface_hub reads it; whoever sets it means the hub that is asked. */
function environmentToken(): string | null {
  const token = process.env['HF_TOKEN']?.trim() ?? '';
  return token === '' ? null : token;
}

function readToken(file: string): z.infer<typeof fileSchema> | null {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}
