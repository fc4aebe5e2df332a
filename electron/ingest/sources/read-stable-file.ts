import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ImportFailure } from '../import-failure.ts';

/**
 * Reads a whole file and makes sure that it did not change meanwhile. Never follows a link and never waits for a pipe.
 *
 * @param whileReading called between reading and the second look; for tests
 * @throws ImportFailure of the `file.` or `link.` family
 */
export async function readStableFile(
  file: string,
  maxBytes: number,
  whileReading: () => Promise<void> = () => Promise.resolve(),
): Promise<Buffer> {
  const handle = await openRegular(file);
  try {
    const before = await handle.stat({ bigint: true });
    if (!before.isFile()) throw new ImportFailure('file.special', 'This is a device, a pipe or a socket.');
    if (before.size === 0n) throw new ImportFailure('file.empty', 'The file has 0 bytes.');
    if (before.size > BigInt(maxBytes)) {
      throw new ImportFailure(
        'file.too-large',
        `The file has ${before.size.toString()} bytes; at most ${maxBytes} are taken in.`,
      );
    }
    const bytes = Buffer.allocUnsafe(Number(before.size));
    let read = 0;
    while (read < bytes.byteLength) {
      const { bytesRead } = await handle.read(bytes, read, bytes.byteLength - read, read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    await whileReading();
    const after = await handle.stat({ bigint: true });
    if (read < bytes.byteLength || after.size !== before.size || after.mtimeNs !== before.mtimeNs) {
      throw new ImportFailure('file.changed', 'The file changed while it was read; import it again.');
    }
    return bytes;
  } catch (error) {
    throw explainFileError(error);
  } finally {
    await handle.close();
  }
}

async function openRegular(file: string) {
  try {
    // O_NOFOLLOW and O_NONBLOCK do not exist on Windows, and Node leaves them undefined there.
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants as Partial<typeof constants>;
    return await open(file, (O_RDONLY ?? 0) | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  } catch (error) {
    throw explainFileError(error);
  }
}

/** The reason behind a file system error; anything else is returned as it is. */
export function explainFileError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof ImportFailure) return error;
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ImportFailure('file.missing', 'The file is not there.', error);
    case 'ELOOP':
      return new ImportFailure('link.skipped', 'Symbolic links are not followed.', error);
    case 'ENXIO':
    case 'EISDIR':
      return new ImportFailure('file.special', 'This is a device, a pipe or a socket.', error);
    case 'EACCES':
    case 'EPERM':
    case 'EIO':
    case 'EBUSY':
    case 'ENAMETOOLONG':
      return new ImportFailure('file.unreadable', `The file cannot be read (${error.code}).`, error);
    default:
      return error;
  }
}
