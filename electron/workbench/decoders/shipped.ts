import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { bundledPath } from '../../bundled/bundled-path.ts';
import { decodeDecoder } from '../../decoder/file/decoder-file.ts';
import type { Library } from '../../store/library/library.ts';

/** Folder of the decoders that come with the software. */
export const shippedFolder = bundledPath('resources', 'decoders');

/**
 * Puts the decoders that come with the software into a library, and takes those of an earlier version away.
 *
 * @throws FundusLensError or DecoderError when the library cannot be written or a file is damaged
 */
export function addShippedDecoders(library: Library, folder = shippedFolder): void {
  const files = listFiles(folder);
  const kept = files.map((file) => {
    const bytes = readFileSync(file);
    const { decoder } = decodeDecoder(bytes, path.basename(file));
    return library.decoders.add(
      { name: decoder.name, source: 'shipped', modelSha256: decoder.origin.modelHash },
      bytes,
    ).sha256;
  });
  library.decoders.keepShipped(kept);
}

function listFiles(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));
    return names.sort().map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}
