type Trait = 'deepStack' | 'tiles' | 'square';

interface FamilyFacts {
  /** What is special about its models; a key of words. */
  readonly trait: Trait;
  /** Terms that have to be accepted on the model's page before its weights can be downloaded; a key of words. */
  readonly terms?: 'gemma';
}

/** By `model_type`. */
const families: Readonly<Record<string, FamilyFacts>> = {
  qwen3_vl: { trait: 'deepStack' },
  idefics3: { trait: 'tiles' },
  smolvlm: { trait: 'tiles' },
  gemma3: { trait: 'square', terms: 'gemma' },
};

export function familyTrait(family: string): Trait | null {
  return families[family]?.trait ?? null;
}

export function familyTerms(family: string): 'gemma' | null {
  return families[family]?.terms ?? null;
}
