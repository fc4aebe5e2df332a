import yazl from 'yazl';

export interface ZipEntry {
  /** With forward slashes. */
  readonly name: string;
  /** A file is read while the archive is written. */
  readonly content: string | Uint8Array | { readonly file: string };
}

/**
 * A zip archive as a stream of bytes; entries are made one after the other as the reader takes them. Names carry no
 * times of this computer.
 */
export async function* toZip(
  entries: Iterable<ZipEntry> | AsyncIterable<ZipEntry>,
): AsyncGenerator<Uint8Array> {
  const zip = new yazl.ZipFile();
  const mtime = new Date(Date.UTC(1980, 0, 1, 12));
  const output = zip.outputStream as unknown as AsyncIterable<Buffer>;
  const adding = (async () => {
    for await (const { name, content } of entries) {
      if (typeof content === 'object' && 'file' in content) zip.addFile(content.file, name, { mtime });
      else zip.addBuffer(Buffer.from(content), name, { mtime });
    }
    zip.end();
  })();
  // A failing entry must end the stream, or its reader would wait for ever.
  adding.catch((error: unknown) =>
    (zip.outputStream as unknown as { destroy(error: unknown): void }).destroy(error),
  );
  yield* output;
  await adding;
}
