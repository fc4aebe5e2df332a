import { desktop } from './connection.ts';

/**
 * Lets a file be dropped into another program: the window hands it to the system, a browser to its own downloads.
 * Call it from `dragstart`, with the file made already, because a drag does not wait.
 */
export function dragOut(event: DragEvent, name: string, file: Blob): void {
  if (desktop !== null) {
    event.preventDefault();
    void desktop.dragOut({ name, file: new File([file], name, { type: file.type }) });
    return;
  }
  const url = URL.createObjectURL(file);
  event.dataTransfer?.setData('DownloadURL', `${file.type}:${name}:${url}`);
  if (event.dataTransfer !== null) event.dataTransfer.effectAllowed = 'copy';
  setTimeout(() => URL.revokeObjectURL(url), 120_000);
}
