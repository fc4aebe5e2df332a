import { desktop } from './connection.ts';

/** Hands a file to the person: a dialog in the window, a download in a browser. */
export async function saveFile(name: string, file: Blob): Promise<void> {
  if (desktop !== null) {
    await desktop.saveFile({ name, file: new File([file], name, { type: file.type }) });
    return;
  }
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A file name from words; letters of any alphabet stay. */
export function fileNameOf(words: readonly string[], extension: string): string {
  const stem = words
    .join('-')
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 120);
  return `${stem === '' ? 'figure' : stem}.${extension}`;
}
