/** What is special about the models of a family, by `model_type`; a key of words. */
const traits: Readonly<Record<string, 'deepStack' | 'tiles'>> = {
  qwen3_vl: 'deepStack',
  idefics3: 'tiles',
  smolvlm: 'tiles',
};

export function familyTrait(family: string): 'deepStack' | 'tiles' | null {
  return traits[family] ?? null;
}
