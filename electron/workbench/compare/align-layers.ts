export interface Alignment {
  readonly alignment: 'index' | 'relative-depth';
  /** [layer of a, layer of b] by row. */
  readonly layers: [number, number][];
}

/**
 * Lays layers 0…L of two models over each other. With different depths every layer of the shallower one meets the layer
 * of the other whose relative depth l / L is nearest; first and last always meet.
 *
 * @param numLayersA N = L + 1 of a, at least 2
 * @param numLayersB N of b, at least 2
 */
export function alignLayers(numLayersA: number, numLayersB: number): Alignment {
  const rows = Math.min(numLayersA, numLayersB);
  if (numLayersA === numLayersB) {
    return { alignment: 'index', layers: Array.from({ length: rows }, (_, layer) => [layer, layer]) };
  }
  const at = (row: number, numLayers: number) =>
    rows === 1 ? numLayers - 1 : Math.round((row / (rows - 1)) * (numLayers - 1));
  return {
    alignment: 'relative-depth',
    layers: Array.from({ length: rows }, (_, row) => [at(row, numLayersA), at(row, numLayersB)]),
  };
}
