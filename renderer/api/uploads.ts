import { isDesktop } from './connection.ts';

/** A file that was dropped or chosen, with its place below the folder that was dropped. */
export interface GivenFile {
  readonly file: File;
  readonly path: string;
}

/** Files of a drop, folders read to their ends. */
export async function filesOfDrop(transfer: DataTransfer): Promise<GivenFile[]> {
  const entries = [...transfer.items].flatMap((item) => {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null;
    return entry === null ? [] : [entry];
  });
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, path: file.name }));
  const found: GivenFile[] = [];
  for (const entry of entries) await readEntry(entry, '', found);
  return found;
}

async function readEntry(entry: FileSystemEntry, folder: string, found: GivenFile[]): Promise<void> {
  const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => {
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) return;
    for (const child of batch) await readEntry(child, path, found);
  }
}

/** Absolute paths of dropped files and folders, which only the window of the operating system knows. */
export function pathsOfDrop(transfer: DataTransfer): string[] {
  if (!isDesktop) return [];
  return [...transfer.files].map((file) => window.fundusLens!.pathOfFile(file)).filter((path) => path !== '');
}

export interface UploadedFolder {
  /** Absolute path on the computer that runs the workbench. */
  readonly folder: string;
  readonly remove: () => Promise<void>;
}

/**
 * Brings files to the computer that runs the workbench, one after the other, as a browser must.
 *
 * @throws what `signal` was aborted with; nothing of the upload stays then
 */
export async function uploadFiles(
  files: readonly GivenFile[],
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<UploadedFolder> {
  const opened = await fetch('/uploads', { method: 'POST' });
  if (!opened.ok) throw new Error(`The upload was refused: HTTP ${opened.status}.`);
  const { id, folder } = (await opened.json()) as { id: string; folder: string };
  const remove = async () => {
    await fetch(`/uploads/${id}`, { method: 'DELETE' });
  };
  let done = 0;
  for (const { file, path } of files) {
    const place = path.split('/').map(encodeURIComponent).join('/');
    const sent = await fetch(`/uploads/${id}/${place}`, { method: 'PUT', body: file, signal }).catch(
      async (error: unknown) => {
        await remove();
        throw error;
      },
    );
    if (!sent.ok) {
      await remove();
      throw new Error(`"${file.name}" could not be uploaded: HTTP ${sent.status}.`);
    }
    onProgress(++done);
  }
  return { folder, remove };
}
