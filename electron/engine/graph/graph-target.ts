/** What the graphs are compiled for; decided by what the execution provider was seen to compute rightly. */
export interface GraphTarget {
  /**
   * `fused` uses ONNX Runtime's attention operators; `composed` writes attention out as matrix products and a
   * softmax, for providers whose fused kernels give wrong numbers (microsoft/onnxruntime#28520).
   */
  readonly attention: 'fused' | 'composed';
  /** Concept ranks counted by one run of the lens head; 0 where the host counts them faster. */
  readonly rankSlots: number;
}
