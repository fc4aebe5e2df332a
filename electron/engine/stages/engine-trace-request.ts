import type { ConceptSet } from '../lens-trace/concept-set.ts';
import type { PlainLens, PositionSelection } from '../lens-trace/lens-trace.ts';
import type { TraceRequest } from '../lens-trace/trace-request.ts';

/** A {@link TraceRequest} with its image, model, concepts and controls; two equal ones on equal files give equal numbers. */
export interface EngineTraceRequest extends Omit<
  TraceRequest,
  'lens' | 'positions' | 'maxPixels' | 'controls'
> {
  /** Checkpoint folder as Hugging Face lays it out. */
  readonly modelDir: string;
  /** null traces the prompt without any image, which is one of the controls. */
  readonly imagePath: string | null;
  /** A fitted lens is given by its file. */
  readonly lens: PlainLens | { readonly file: string };
  readonly positions: PositionSelection;
  /** Left out, the checkpoint's own limit holds alone. */
  readonly maxPixels?: number | null;
  readonly conceptSet: ConceptSet;
  /**
   * Control images to compare with, and with the prompt without any image; null compares with nothing. A trace
   * without an image is a control itself, and is not compared.
   */
  readonly controls: readonly string[] | null;
  /** Folder in which readings of controls are kept between runs; left out, they are kept in memory. */
  readonly controlCache?: string | null;
  /**
   * Image files that will probably be traced next with the same model and positions, so that they can go through the
   * model together with this one. A hint: it changes no number, and nothing wrong with them fails this trace.
   */
  readonly upcoming?: readonly string[];
  /** Where to write pixel values, embeddings, residual stream and logits; null for nowhere. */
  readonly dumpPath: string | null;
}
