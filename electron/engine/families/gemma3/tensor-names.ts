import { siglipTensorName } from '../shared/siglip.ts';

/**
 * Names of the file to those that the graphs ask for. The first releases keep the decoder with its unembedding under
 * `language_model.`; newer saves put everything but the unembedding under `model.`.
 */
export function canonicalTensorName(nameInFile: string): string {
  return siglipTensorName(nameInFile, /^(?:model\.)?vision_tower\.(?:vision_model\.)?/, [
    [/^language_model\.lm_head\./, 'lm_head.'],
    [/^(?:model\.)?language_model\.(?:model\.)?/, 'model.'],
    [/^(?:model\.)?multi_modal_projector\.mm_input_projection_weight$/, 'visual.projection.weight'],
    [/^(?:model\.)?multi_modal_projector\.mm_soft_emb_norm\./, 'visual.soft_emb_norm.'],
  ]);
}
