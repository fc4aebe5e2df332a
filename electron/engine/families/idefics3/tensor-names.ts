import { siglipTensorName } from '../shared/siglip.ts';

/** Names of the file, in transformers' order of modules, to those that the graphs ask for. */
export function canonicalTensorName(nameInFile: string): string {
  return siglipTensorName(nameInFile, /^model\.vision_model\./, [
    [/^model\.text_model\./, 'model.'],
    [/^model\.connector\.modality_projection\.proj\./, 'visual.merger.'],
  ]);
}
