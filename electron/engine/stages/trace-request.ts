import type { ConceptSet } from '../lens-trace/concept-set.ts';
import type { LensKind, PositionSelection, ProviderChoice } from '../lens-trace/lens-trace.ts';

/** Everything that decides a trace; two equal requests on equal files give equal numbers. */
export interface TraceRequest {
  /** Checkpoint folder as Hugging Face lays it out. */
  readonly modelDir: string;
  /** null traces the prompt without any image, which is one of the controls. */
  readonly imagePath: string | null;
  /** Largest area at which the vision tower sees an image, pixels; left out, the checkpoint's own limit holds alone. */
  readonly maxPixels?: number | null;
  readonly prompt: string;
  readonly lens: LensKind;
  readonly positions: PositionSelection;
  /** Tokens kept per cell, 1…V. */
  readonly topK: number;
  readonly conceptSet: ConceptSet;
  readonly provider: ProviderChoice;
  /** Tokens to generate greedily after the prompt; 0 for none. */
  readonly generate: number;
  /** Whether the generated positions are traced too. */
  readonly traceGenerated: boolean;
  /**
   * Control images to compare with, and with the prompt without any image; null compares with nothing. A trace
   * without an image is a control itself, and is not compared.
   */
  readonly controls: readonly string[] | null;
  /**
   * Image files that will probably be traced next with the same model and positions, so that they can go through the
   * model together with this one. A hint: it changes no number, and nothing wrong with them fails this trace.
   */
  readonly upcoming?: readonly string[];
  /** Where to write pixel values, embeddings, residual stream and logits; null for nowhere. */
  readonly dumpPath: string | null;
}
