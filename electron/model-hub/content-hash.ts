import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * What a publisher says a file is; a hub gives SHA-256 for large files and git's SHA-1 for small ones, a NuGet feed
 * SHA-512.
 */
export interface ExpectedFile {
  /** Relative, with forward slashes. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string | null;
  /** SHA-1 over `blob <bytes>\0` and the content. */
  readonly gitSha1: string | null;
  readonly sha512?: string;
}

export interface ContentHashes {
  readonly sha256: string;
  /** null when nobody states one. */
  readonly gitSha1: string | null;
  readonly sha512?: string | null;
}

/** The hashes of a file whose size is known, as its bytes come in. */
export class ContentHash {
  readonly #sha256 = createHash('sha256');
  readonly #gitSha1: Hash | null;
  readonly #sha512: Hash | null;
  #bytes = 0;

  constructor({ bytes, gitSha1, sha512 }: ExpectedFile) {
    this.#gitSha1 = gitSha1 === null ? null : createHash('sha1').update(`blob ${bytes}\0`);
    this.#sha512 = sha512 === undefined ? null : createHash('sha512');
  }

  get bytes(): number {
    return this.#bytes;
  }

  update(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#gitSha1?.update(chunk);
    this.#sha512?.update(chunk);
    this.#bytes += chunk.length;
  }

  /** Takes in what is on the disk already, up to that many bytes. */
  async updateFromFile(file: string, bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes === 0) return;
    const options = { end: bytes - 1, highWaterMark: 1 << 20, signal };
    for await (const chunk of createReadStream(file, options)) this.update(chunk as Buffer);
  }

  end(): ContentHashes {
    return {
      sha256: this.#sha256.digest('hex'),
      gitSha1: this.#gitSha1?.digest('hex') ?? null,
      sha512: this.#sha512?.digest('hex') ?? null,
    };
  }
}

/** What differs, for a message; null when everything that is expected holds */
export function findDifference(
  expected: ExpectedFile,
  bytes: number,
  hashes: ContentHashes,
): { readonly expected: string; readonly found: string } | null {
  if (bytes !== expected.bytes) return { expected: `${expected.bytes} bytes`, found: `${bytes} bytes` };
  if (expected.sha256 !== null && expected.sha256 !== hashes.sha256) {
    return { expected: `SHA-256 ${expected.sha256}`, found: hashes.sha256 };
  }
  if (expected.gitSha1 !== null && expected.gitSha1 !== hashes.gitSha1) {
    return { expected: `git SHA-1 ${expected.gitSha1}`, found: hashes.gitSha1 ?? 'no hash' };
  }
  if (expected.sha512 !== undefined && expected.sha512 !== hashes.sha512) {
    return { expected: `SHA-512 ${expected.sha512}`, found: hashes.sha512 ?? 'no hash' };
  }
  return null;
}
