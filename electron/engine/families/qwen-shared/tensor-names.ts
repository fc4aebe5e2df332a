/**
 * The canonical name of a tensor is the released one: `visual.*`, `model.*`, `lm_head.*`. Newer saves put
 * both parts under `model.`.
 */
export function canonicalTensorName(nameInFile: string): string {
  return nameInFile.replace(/^model\.visual\./, 'visual.').replace(/^model\.language_model\./, 'model.');
}
