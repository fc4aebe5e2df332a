/**
 * Puts a picture on the clipboard. The picture may still be in the making: a browser wants to be asked while the click lasts.
 *
 * @param png PNG
 * @throws DOMException `NotAllowedError` where the page may not write there
 */
export async function copyPicture(png: Promise<Blob>): Promise<void> {
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);
}
