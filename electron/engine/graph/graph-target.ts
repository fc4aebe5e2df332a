/** What the graphs are compiled for; decided by what the execution provider was seen to compute rightly. */
export interface GraphTarget {
  /**
   * `fused` uses ONNX Runtime's attention operators; `composed` writes attention out as matrix products and a
   * softmax, for providers whose fused kernels give wrong numbers (microsoft/onnxruntime#28520).
   */
  readonly attention: 'fused' | 'composed';
  /** Concept ranks counted by one run of the lens head; 0 where the host counts them faster. */
  readonly rankSlots: number;
  /**
   * How 8-bit blocks are multiplied: `fused` by MatMulNBits, or `dequantised` to float32 one matrix at a time, where
   * the fused operator would round activations to 8 bits or be slower.
   */
  readonly int8: 'fused' | 'dequantised';
  /** When weights that are not float32 are widened: with the graph, or each for its product and dropped again. */
  readonly widen: 'once' | 'per-use';
  /** Largest buffer that the unembedding may take, as it is stored or widened; it is split into slices of tokens. */
  readonly maxBufferBytes: number;
  /** Whether decoder blocks give the second moments of their projections' inputs too; see `observeInput`. */
  readonly observeInputs?: boolean;
}

/** What the cpu provider computes rightly, with enough memory for a widened unembedding. */
export const cpuTarget: GraphTarget = {
  attention: 'fused',
  rankSlots: 0,
  int8: 'dequantised',
  widen: 'once',
  maxBufferBytes: Infinity,
};
