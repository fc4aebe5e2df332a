/** Asks whichever figure is on the screen to save itself; the one that does prevents the default. */
export const exportCommand = 'fundus-lens:export';

/** @returns whether there was a figure */
export function exportFigure(): boolean {
  return !window.dispatchEvent(new CustomEvent(exportCommand, { cancelable: true }));
}
