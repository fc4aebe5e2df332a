import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Library } from '../../store/library/library.ts';

const signatureSchema = z.object({ id: z.int().positive(), hash: z.string(), mac: z.string() });

const setting = 'audit-signature';

/**
 * Whoever can write the database can compute the chain of its log anew. The newest entry is therefore signed with a key of
 * this installation, which lies outside the library: a log that was rewritten does not hold the signed entry.
 */
export class AuditSignature {
  readonly #key: Buffer | null;

  /** @param keyFile made where there is none; null, or one that cannot be made, signs nothing */
  constructor(keyFile: string | null) {
    this.#key = keyFile === null ? null : readKey(keyFile);
  }

  /** Signs the newest entry. */
  sign(library: Library): void {
    const [newest] = library.audit.list(1);
    if (this.#key === null || newest === undefined || library.readOnlyReason !== null) return;
    const { id, hash } = newest;
    library.settings.set(setting, { id, hash, mac: sealOf(this.#key, id, hash).toString('hex') });
  }

  /** @returns what is wrong; null when nothing is, or when this installation has signed nothing */
  check(library: Library): string | null {
    const signed = library.settings.get(setting, signatureSchema.nullable(), null);
    if (this.#key === null || signed === null) return null;
    const mac = Buffer.from(signed.mac, 'hex');
    const expected = sealOf(this.#key, signed.id, signed.hash);
    if (mac.byteLength !== expected.byteLength || !timingSafeEqual(mac, expected)) {
      return 'The audit log was signed by another installation, or its signature was changed.';
    }
    const [entry] = library.audit.list(1, signed.id + 1);
    return entry?.id === signed.id && entry.hash === signed.hash
      ? null
      : `The audit log was rewritten: entry ${signed.id} is not the one that was signed.`;
  }
}

function sealOf(key: Buffer, id: number, hash: string): Buffer {
  return createHmac('sha256', key).update(`audit ${id} ${hash}`).digest();
}

function readKey(file: string): Buffer | null {
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, randomBytes(32), { flag: 'wx', mode: 0o600 });
  } catch {
    // It is there already, or its folder cannot be written.
  }
  try {
    const key = readFileSync(file);
    return key.byteLength === 32 ? key : null;
  } catch {
    return null;
  }
}
