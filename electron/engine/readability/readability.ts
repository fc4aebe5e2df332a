import { benjaminiHochberg } from './statistics/benjamini-hochberg.ts';
import { attainableP, rankP } from './statistics/rank-p.ts';
import { clipToFloor, readabilityRule as rule } from './rule.ts';
import { robustZ } from './token-null.ts';

/** One concept at one position of the trace, and at the like position of the controls. */
export interface ConceptEvidence {
  readonly id: string;
  /** [N], layer 0…L, nats; where a part was bounded and not computed, without it. */
  readonly logOdds: ArrayLike<number>;
  /** By control that the concept is compared with, [N]; where a part was bounded, with the whole of it. */
  readonly controls: readonly ArrayLike<number>[];
  /** Places in the list of controls that show the concept themselves, and are not compared with. */
  readonly leftOut: readonly number[];
  /** p of a robust z at a layer among random token sets; asked for only where everything else holds. */
  readonly tokenP: (layer: number, z: number) => number;
}

/** What was found at one layer, where it was compared. */
export interface LayerFinding {
  /** Rank p against the controls. */
  readonly p: number;
  /** Nats over the highest control; negative below it. */
  readonly effect: number;
}

export interface Judged {
  readonly state: 'readable' | 'not-readable';
  /** Smallest layer from which on, up to the last, the concept is readable; null for never. */
  readonly layer: number | null;
  /** By layer 0…L. */
  readonly layers: readonly LayerFinding[];
  /** p among random token sets at the last layer; null where it was not asked for, because another condition failed. */
  readonly tokenP: number | null;
  /** False-discovery rate over the concepts at the last layer; 1 where another condition failed. */
  readonly q: number;
  readonly attainableP: number;
  readonly numControls: number;
  readonly leftOut: readonly number[];
}

/** So few controls are left that nothing may be called readable. */
export interface NotAsked {
  readonly state: 'not-asked';
  readonly attainableP: number;
  readonly numControls: number;
  readonly leftOut: readonly number[];
}

/** The vocabulary cannot tell the concept from others, which is not the same as "never". */
export interface NotIdentifiable {
  readonly state: 'not-identifiable';
  /** Forms, each with the concepts and words that it cannot be told from; with none, it is a single letter or byte. */
  readonly collisions: readonly { readonly form: string; readonly with: readonly string[] }[];
}

export type Readability = Judged | NotAsked;
export type ConceptFinding = Readability | NotIdentifiable;

/**
 * The rule, for all concepts of one position together.
 *
 * At a layer a concept passes when its rank p against the controls is at most the level, its log-odds exceed the highest
 * control by the least effect, and its p among random token sets is at most the threshold. The threshold is that of
 * Benjamini–Hochberg over the concepts at the last layer (a concept that fails there against its controls enters with
 * p = 1), but at most the level. From the last layer backwards the first failure ends the chain, which needs no further
 * correction.
 *
 * @throws RangeError when curves differ in length, or hold NaN
 * @see LENS, "When is a concept readable?"; Maurer, Hothorn & Lehmacher (1995) for the fixed sequence
 */
export function judgeReadability(concepts: readonly ConceptEvidence[]): ReadonlyMap<string, Readability> {
  const asked = concepts.filter(({ controls }) => controls.length >= rule.minControls);
  const curves = new Map(asked.map((concept) => [concept, compareWithControls(concept)]));
  const atLast = asked.map((concept) => {
    const last = concept.logOdds.length - 1;
    return passesControls(curves.get(concept)!.layers[last]!) ? askTokens(concept, last) : null;
  });
  const { q, threshold } = benjaminiHochberg(
    atLast.map((p) => p ?? 1),
    rule.falseDiscoveryRate,
  );
  const highest = Math.min(threshold, rule.level);
  return new Map(
    concepts.map((concept): [string, Readability] => {
      const { id, leftOut, controls } = concept;
      const common = { attainableP: attainableP(controls.length), numControls: controls.length, leftOut };
      const place = asked.indexOf(concept);
      if (place < 0) return [id, { state: 'not-asked', ...common }];
      const { layers } = curves.get(concept)!;
      const passes = (layer: number) => {
        if (!passesControls(layers[layer]!)) return false;
        const p = layer === layers.length - 1 ? atLast[place]! : askTokens(concept, layer);
        return p <= highest;
      };
      let layer: number | null = null;
      for (let next = layers.length - 1; next >= 1 && passes(next); next--) layer = next;
      const state = layer === null ? 'not-readable' : 'readable';
      return [id, { state, layer, layers, tokenP: atLast[place]!, q: q[place]!, ...common }];
    }),
  );
}

function compareWithControls({ id, logOdds, controls }: ConceptEvidence) {
  const numLayers = logOdds.length;
  for (const curve of [logOdds, ...controls]) {
    if (curve.length !== numLayers)
      throw new RangeError(`${id}: a curve of ${curve.length} layers among curves of ${numLayers}`);
    for (let layer = 0; layer < numLayers; layer++)
      if (Number.isNaN(curve[layer])) throw new RangeError(`${id}: not a number at layer ${layer}`);
  }
  const layers = Array.from({ length: numLayers }, (_, layer): LayerFinding => {
    const own = clipToFloor(logOdds[layer]!);
    const others = controlsAt(controls, layer);
    return { p: rankP(own, others), effect: own - Math.max(...others) };
  });
  return { layers };
}

function passesControls({ p, effect }: LayerFinding): boolean {
  return p <= rule.level && effect >= rule.minEffect;
}

function askTokens({ logOdds, controls, tokenP }: ConceptEvidence, layer: number): number {
  return tokenP(layer, robustZ(clipToFloor(logOdds[layer]!), controlsAt(controls, layer)));
}

function controlsAt(controls: readonly ArrayLike<number>[], layer: number): number[] {
  return controls.map((curve) => clipToFloor(curve[layer]!));
}
