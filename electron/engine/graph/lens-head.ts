import type { DecoderConfig } from '../checkpoint/config.ts';
import { GraphBuilder } from './graph-builder.ts';
import type { WeightProvider } from './weight-source.ts';

export interface LensHeadOptions {
  /** Canonical name of the unembedding: `lm_head.weight`, or the embedding when they are tied. */
  readonly unembedding: string;
  /** Rows of the unembedding that belong to a token; the others are masked by never being computed. */
  readonly numTokens: number;
  /** Concept slots whose rank the graph counts; 0 leaves the counting to whoever reads `logits`. */
  readonly rankSlots: number;
}

/**
 * Final norm, unembedding and everything that is measured on the logits, so that only small results leave.
 *
 * Inputs: `rows` float32 [P, N, D], P positions of N layers each, the last layer last; `skip_norm` bool
 * [P, N, 1], rows to unembed as they are; `top_k` int64 [1]; `concept_ids` int64 [C · M] token ids, and
 * `concept_mask` float32 [C, M], 0 for a token and a large negative number for padding.
 * Outputs: `top_ids` int64 and `top_logits` float32 [P, N, K]; `log_sum_exp`, `entropy`, `kl_to_final`
 * float32 [P, N, 1]; `concept_logits` (log-sum-exp over the concept's tokens) and `concept_max` float32
 * [P, N, C]; `concept_rank` float32 [P, N, rankSlots] where the graph counts; `logits` float32 [P · N, V].
 *
 * ```
 *   rows ─► RMSNorm ─► Where(skip_norm) ─► Gemm(unembedding) ─► z ─┬─► TopK ─────────► top_ids, top_logits
 *                                                                  ├─► Softmax ─► p ─► log_sum_exp, entropy, kl
 *                                                                  └─► Gather ───────► concepts ─► count z > max
 * ```
 *
 * With p = softmax(z): lse = z_top − ln p_top; entropy = lse − Σ p z; and with q the last layer's p,
 * KL(q ‖ p) = (lse − Σ q z) − (lse_L − Σ q z_L), which is exactly 0 for the last layer.
 */
export function buildLensHead(
  config: DecoderConfig,
  weights: WeightProvider,
  options: LensHeadOptions,
): Uint8Array {
  const { dModel, rmsNormEps } = config;
  const { numTokens } = options;
  const graph = new GraphBuilder('lens-head', weights);
  const rows = graph.input('rows', 'float32', ['positions', 'layers', dModel]);
  const skipNorm = graph.input('skip_norm', 'bool', ['positions', 'layers', 1]);
  const topK = graph.input('top_k', 'int64', [1]);
  const last = graph.constantInt64('last_axis', [-1]);

  const gain = graph.weight('model.norm.weight', [dModel]);
  const normed = graph.node('/head/norm/RMSNorm', 'SimplifiedLayerNormalization', [rows, gain], {
    attributes: { axis: -1n, epsilon: rmsNormEps, stash_type: 1n },
  });
  const state = graph.node('/head/state/Where', 'Where', [skipNorm, rows, normed]);
  const logits = unembed();

  const [topLogits, topIds] = graph.nodes('/head/TopK', 'TopK', [logits, topK], {
    outputs: ['/head/top_logits', '/head/top_ids'],
    attributes: { axis: -1n, largest: 1n, sorted: 1n },
  }) as [string, string];
  const probabilities = graph.node('/head/Softmax', 'Softmax', [logits], { attributes: { axis: -1n } });
  const logSumExp = logSumExpFromTop();
  const weightedMean = (name: string, weight: string) =>
    sum(name, graph.node(`${name}/Mul`, 'Mul', [logits, weight]));
  const entropy = graph.node('/head/entropy/Sub', 'Sub', [
    logSumExp,
    weightedMean('/head/entropy', probabilities),
  ]);
  const finalProbabilities = gatherLastLayer('/head/final_probabilities', probabilities);
  const crossEntropy = graph.node('/head/cross_entropy/Sub', 'Sub', [
    logSumExp,
    weightedMean('/head/cross_entropy', finalProbabilities),
  ]);
  const divergence = graph.node('/head/kl/Sub', 'Sub', [
    crossEntropy,
    gatherLastLayer('/head/final_cross_entropy', crossEntropy),
  ]);

  graph.output('logits', 'logits', 'float32', ['rows', numTokens]);
  graph.output('top_ids', topIds, 'int64', ['positions', 'layers', 'k']);
  graph.output('top_logits', topLogits, 'float32', ['positions', 'layers', 'k']);
  graph.output('log_sum_exp', logSumExp, 'float32', ['positions', 'layers', 1]);
  graph.output('entropy', entropy, 'float32', ['positions', 'layers', 1]);
  graph.output('kl_to_final', divergence, 'float32', ['positions', 'layers', 1]);
  readConcepts();
  return graph.build();

  /** z = state · Wᵀ over the token rows of the unembedding. */
  function unembed(): string {
    const flat = graph.node('/head/state/Flatten', 'Reshape', [
      state,
      graph.constantInt64('flat_shape', [-1, dModel]),
    ]);
    const unembedding = graph.weight(options.unembedding, [numTokens, dModel], { rowPrefix: true });
    const product = graph.node('/head/unembedding/MatMul', 'Gemm', [flat, unembedding], {
      attributes: { transB: 1n },
      // The output itself, so that the runtime writes it straight into the caller's buffer.
      outputs: ['logits'],
    });
    const rowsShape = graph.node('/head/rows/Shape', 'Shape', [rows], { attributes: { start: 0n, end: 2n } });
    const shape = graph.node(
      '/head/logits/Shape',
      'Concat',
      [rowsShape, graph.constantInt64('num_tokens', [numTokens])],
      {
        attributes: { axis: 0n },
      },
    );
    return graph.node('/head/logits', 'Reshape', [product, shape]);
  }

  function logSumExpFromTop(): string {
    const first = graph.constantInt64('first', [0]);
    const bestLogit = graph.node('/head/best_logit', 'Gather', [topLogits, first], {
      attributes: { axis: -1n },
    });
    const bestId = graph.node('/head/best_id', 'Gather', [topIds, first], { attributes: { axis: -1n } });
    const bestProbability = graph.node('/head/best_probability', 'GatherElements', [probabilities, bestId], {
      attributes: { axis: -1n },
    });
    const logProbability = graph.node('/head/best_log_prob', 'Log', [bestProbability]);
    return graph.node('/head/log_sum_exp', 'Sub', [bestLogit, logProbability]);
  }

  function sum(name: string, values: string): string {
    return graph.node(`${name}/ReduceSum`, 'ReduceSum', [values, last], { attributes: { keepdims: 1n } });
  }

  function gatherLastLayer(name: string, values: string): string {
    return graph.node(`${name}/Gather`, 'Gather', [values, last], { attributes: { axis: 1n } });
  }

  function readConcepts(): void {
    const ids = graph.input('concept_ids', 'int64', ['concept_tokens']);
    const mask = graph.input('concept_mask', 'float32', ['concepts', 'forms']);
    const gathered = graph.node('/head/concepts/Gather', 'Gather', [logits, ids], {
      attributes: { axis: -1n },
    });
    const leading = graph.node('/head/concepts/Leading', 'Shape', [rows], {
      attributes: { start: 0n, end: 2n },
    });
    const trailing = graph.node('/head/concepts/Trailing', 'Shape', [mask]);
    const shape = graph.node('/head/concepts/Shape', 'Concat', [leading, trailing], {
      attributes: { axis: 0n },
    });
    const forms = graph.node('/head/concepts/Reshape', 'Reshape', [gathered, shape]);
    const masked = graph.node('/head/concepts/Mask', 'Add', [forms, mask]);
    const reduce = (name: string, opType: string) =>
      graph.node(`/head/concepts/${name}`, opType, [masked, last], { attributes: { keepdims: 0n } });
    const best = reduce('ReduceMax', 'ReduceMax');
    const conceptShape = ['positions', 'layers', 'concepts'];
    graph.output('concept_logits', reduce('ReduceLogSumExp', 'ReduceLogSumExp'), 'float32', conceptShape);
    graph.output('concept_max', best, 'float32', conceptShape);
    if (options.rankSlots > 0)
      graph.output('concept_rank', countLarger(best), 'float32', ['positions', 'layers', options.rankSlots]);
  }

  /** rank = 1 + Σ_v [z_v > best]; one pass over the vocabulary per concept, unrolled. */
  function countLarger(best: string): string {
    const one = graph.constantFloat32('one', [1]);
    const ranks = Array.from({ length: options.rankSlots }, (_, slot) => {
      const name = `/head/concepts/rank.${slot}`;
      const threshold = graph.node(
        `${name}/Gather`,
        'Gather',
        [best, graph.constantInt64(`${name}/slot`, [slot])],
        {
          attributes: { axis: -1n },
        },
      );
      const larger = graph.node(`${name}/Greater`, 'Greater', [logits, threshold]);
      const counted = sum(name, graph.node(`${name}/Cast`, 'Cast', [larger], { attributes: { to: 1n } }));
      return graph.node(`${name}/Add`, 'Add', [counted, one]);
    });
    return graph.node('/head/concepts/rank', 'Concat', ranks, { attributes: { axis: -1n } });
  }
}
