/** Names of the file, in transformers' order of modules, to those that the graphs ask for. */
const renamed: readonly (readonly [RegExp, string])[] = [
  [/^model\.text_model\./, 'model.'],
  [/^model\.connector\.modality_projection\.proj\./, 'visual.merger.'],
  [/^model\.vision_model\.embeddings\.patch_embedding\./, 'visual.patch_embed.proj.'],
  [/^model\.vision_model\.embeddings\.position_embedding\./, 'visual.pos_embed.'],
  [/^model\.vision_model\.encoder\.layers\./, 'visual.blocks.'],
  [/^model\.vision_model\./, 'visual.'],
];

export function canonicalTensorName(nameInFile: string): string {
  const [pattern, name] = renamed.find(([known]) => known.test(nameInFile)) ?? [/^/, ''];
  return nameInFile.replace(pattern, name);
}
