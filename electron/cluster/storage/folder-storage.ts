import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, copyFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { ObjectStorage } from './storage.ts';

/** Objects in a folder, `objects/ab/abcdef…`; of several hosts that write the same one, each leaves the whole of it. */
export class FolderStorage implements ObjectStorage {
  readonly #folder: string;
  /** Objects whose bytes were compared with their hash since the process began. */
  readonly #compared = new Set<string>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws FundusLensError `cluster.storage` when the folder cannot be written */
  static async open(folder: string): Promise<FolderStorage> {
    const storage = new FolderStorage(path.resolve(folder));
    try {
      await mkdir(path.join(storage.#folder, 'incoming'), { recursive: true, mode: 0o700 });
      const probe = storage.#newFile();
      await (await open(probe, 'wx', 0o600)).close();
      await rm(probe);
    } catch (cause) {
      throw problem('The storage of the cluster cannot be written.', folder, cause);
    }
    return storage;
  }

  async has(sha256: string): Promise<boolean> {
    return access(this.#fileOf(sha256)).then(
      () => true,
      () => false,
    );
  }

  async write(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (await this.has(sha256)) return sha256;
    const temporary = this.#newFile();
    return this.#place(temporary, sha256, async () => {
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  async writeFile(file: string): Promise<string> {
    const temporary = this.#newFile();
    try {
      await copyFile(file, temporary);
      const sha256 = await hashOf(temporary);
      if (await this.has(sha256)) return sha256;
      return await this.#place(temporary, sha256, async () => {
        const handle = await open(temporary, 'r+');
        await handle.chmod(0o600).finally(() => handle.sync().finally(() => handle.close()));
      });
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async read(sha256: string): Promise<Buffer<ArrayBuffer>> {
    let bytes;
    try {
      bytes = await readFile(this.#fileOf(sha256));
    } catch (cause) {
      throw problem('An object is missing in the storage of the cluster.', sha256, cause);
    }
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256) throw damaged(sha256, found);
    return bytes;
  }

  async fetch(sha256: string): Promise<string> {
    const file = this.#fileOf(sha256);
    if (this.#compared.has(sha256) && (await this.has(sha256))) return file;
    let found;
    try {
      found = await hashOf(file);
    } catch (cause) {
      throw problem('An object is missing in the storage of the cluster.', sha256, cause);
    }
    if (found !== sha256) throw damaged(sha256, found);
    this.#compared.add(sha256);
    return file;
  }

  #fileOf(sha256: string): string {
    return path.join(this.#folder, 'objects', sha256.slice(0, 2), sha256);
  }

  #newFile(): string {
    return path.join(this.#folder, 'incoming', randomUUID());
  }

  async #place(temporary: string, sha256: string, prepare: () => Promise<void>): Promise<string> {
    const target = this.#fileOf(sha256);
    try {
      await prepare();
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      await rename(temporary, target);
      return sha256;
    } catch (cause) {
      await rm(temporary, { force: true });
      throw problem('The storage of the cluster cannot be written.', this.#folder, cause);
    }
  }
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}

function problem(summary: string, found: string, cause: unknown): FundusLensError {
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new FundusLensError('cluster.storage', summary, {
    expected: 'a folder that every host reaches and may write, with room',
    found: `${found}${code}`,
    advice: 'Check that the share is mounted on this host and is not full.',
    cause,
  });
}

function damaged(sha256: string, found: string): FundusLensError {
  return new FundusLensError('cluster.storage', 'An object in the storage is not what its name says.', {
    expected: sha256,
    found,
    advice: 'Check the disk of the storage; delete the object and run the experiment again.',
  });
}
