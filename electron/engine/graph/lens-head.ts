import { GraphBuilder } from './graph-builder.ts';
import type { GraphTarget } from './graph-target.ts';
import { multiply } from './linear.ts';
import { rmsNorm } from './norm.ts';
import type { TokenSlice } from './token-slices.ts';
import type { WeightProvider } from '../weights/weight-source.ts';

export interface LensHeadOptions {
  /** Canonical name of the unembedding: `lm_head.weight`, or the embedding when they are tied. */
  readonly unembedding: string;
  /** Rows of the unembedding that belong to a token, in slices; the others are masked by never being computed. */
  readonly slices: readonly TokenSlice[];
}

interface FinalNorm {
  readonly dModel: number;
  readonly rmsNormEps: number;
  /** Added to the stored gain; 0 where left out. */
  readonly gainOffset?: number;
}

/** One slice's values in the graph: float32 [P, N, slice]. */
interface SliceValues {
  readonly index: number;
  readonly slice: TokenSlice;
  readonly node: string;
  readonly logits: string;
}

/**
 * Final norm, unembedding and everything that is measured on the logits, so that only small results leave.
 *
 * Inputs: `rows` float32 [P, N, D], P positions of N layers each, the last layer last; `skip_norm` bool
 * [P, N, 1], rows to unembed as they are; `top_k` int64 [1]; and for every slice s of the vocabulary
 * `top_k.{s}` int64 [1], at most its tokens; `tokens.{s}` int64 [T], ids within the slice of the tokens that are asked for, and
 * `token_mask.{s}` float32 [T], 0 for a token of the slice and a large negative number for any other; where the graph counts,
 * `concept_places` int64 [rankSlots · M], places among the T of a concept's tokens, one of them again where it has fewer.
 * Outputs: `top_ids` int64 and `top_logits` float32 [P, N, K]; `log_sum_exp`, `entropy`, `kl_to_final`
 * float32 [P, N, 1]; `tail` float32 [P, N, 1], Σ e of all tokens below the K-th, so that the probability of what is not a
 * concept never has to be taken as 1 − p; `token_logits` float32 [P, N, T]; `concept_rank` float32 [P, N, rankSlots] where the
 * graph counts; `logits.{s}` float32 [P · N, tokens].
 *
 * ```
 *   rows ─► RMSNorm ─► Where(skip_norm) ─┬► · W₀ᵀ ─► z₀ ─► TopK, Σ e, Σ e d, Σ q d, tokens ───┐
 *                                        ├► · W₁ᵀ ─► z₁ ─► …                                  ├─► merged, exactly
 *                                        └► …                                                 ┘
 * ```
 *
 * With M the largest logit of all slices, d = z − M and e = exp d, every quantity is a sum over slices:
 * lse = M + ln Σ e; entropy = ln Σ e − Σ e d / Σ e; and with q = e / Σ e of the last layer,
 * KL(q ‖ p) = (ln Σ e − Σ q d) − (the same of the last layer), which is exactly 0 for the last layer.
 */
export function buildLensHead(
  { dModel, rmsNormEps, gainOffset }: FinalNorm,
  weights: WeightProvider,
  target: GraphTarget,
  options: LensHeadOptions,
): Uint8Array {
  const { rankSlots } = target;
  const graph = new GraphBuilder('lens-head', weights, target);
  const rows = graph.input('rows', 'float32', ['positions', 'layers', dModel]);
  const skipNorm = graph.input('skip_norm', 'bool', ['positions', 'layers', 1]);
  const topK = graph.input('top_k', 'int64', [1]);
  const last = graph.constantInt64('last_axis', [-1]);
  const leading = graph.node('/head/rows/Shape', 'Shape', [rows], { attributes: { start: 0n, end: 2n } });

  const normed = rmsNorm(graph, '/head/norm', 'model.norm', rows, dModel, rmsNormEps, gainOffset);
  const state = graph.node('/head/state/Where', 'Where', [skipNorm, rows, normed]);
  const flat = graph.node('/head/state/Flatten', 'Reshape', [
    state,
    graph.constantInt64('flat_shape', [-1, dModel]),
  ]);
  const slices = options.slices.map(unembed);
  const [topLogits, topIds] = mergeTop(slices.map(findTop));
  const largest = graph.node('/head/largest', 'Gather', [topLogits, graph.constantInt64('first', [0])], {
    attributes: { axis: -1n },
  });
  const sums = slices.map(sumExponentials);
  const sumExp = addUp(
    '/head/sum_exp',
    sums.map(({ exponentials }) => exponentials),
  );
  const logSumExp = graph.node('/head/log_sum_exp/Log', 'Log', [sumExp]);
  const entropy = lessMean(
    '/head/entropy',
    sums.map(({ own }) => own),
    sumExp,
  );
  const crossEntropy = lessMean(
    '/head/cross_entropy',
    sums.map(({ final }) => final),
    gatherLastLayer('/head/final_sum_exp', sumExp),
  );
  const divergence = graph.node('/head/kl/Sub', 'Sub', [
    crossEntropy,
    gatherLastLayer('/head/final_cross_entropy', crossEntropy),
  ]);

  slices.forEach(({ index, slice }) =>
    graph.output(`logits.${index}`, `logits.${index}`, 'float32', ['rows', slice.count]),
  );
  graph.output('top_ids', topIds, 'int64', ['positions', 'layers', 'k']);
  graph.output('top_logits', topLogits, 'float32', ['positions', 'layers', 'k']);
  const single = ['positions', 'layers', 1];
  const fullLogSumExp = graph.node('/head/log_sum_exp', 'Add', [largest, logSumExp]);
  graph.output('log_sum_exp', fullLogSumExp, 'float32', single);
  graph.output('entropy', entropy, 'float32', single);
  graph.output('kl_to_final', divergence, 'float32', single);
  const least = graph.node('/head/least', 'Gather', [topLogits, last], { attributes: { axis: -1n } });
  graph.output('tail', addUp('/head/tail', slices.map(sumBelow)), 'float32', single);
  const tokenLogits = slices.map(gatherTokens).reduce((best, part, index) =>
    // A token is in one slice only; in the others its place holds a large negative number.
    graph.node(`/head/tokens/Max.${index}`, 'Max', [best, part]),
  );
  graph.output('token_logits', tokenLogits, 'float32', ['positions', 'layers', 'tokens']);
  if (rankSlots > 0)
    graph.output('concept_rank', countLarger(findBest()), 'float32', ['positions', 'layers', rankSlots]);
  return graph.build();

  /** Σ e over the slice's tokens whose logit is below the K-th, [P, N, 1]. */
  function sumBelow({ index, node, logits }: SliceValues): string {
    const below = graph.node(`${node}/tail/Less`, 'Less', [logits, least]);
    // Where with a constant runs on one thread of the cpu, at eight times the cost of cast and product together.
    const weight = graph.node(`${node}/tail/Cast`, 'Cast', [below], { attributes: { to: 1n } });
    return sum(`${node}/tail`, graph.node(`${node}/tail/Mul`, 'Mul', [sums[index]!.all, weight]));
  }

  /** z = state · Wᵀ over the slice's rows of the unembedding. */
  function unembed(slice: TokenSlice, index: number): SliceValues {
    const node = `/head/slices.${index}`;
    const matrix = graph.matrix(options.unembedding, [slice.count, dModel], { firstRow: slice.start });
    // The output itself, so that the runtime writes it straight into the caller's buffer.
    const product = multiply(graph, `${node}/MatMul`, flat, matrix, null, `logits.${index}`);
    const count = graph.constantInt64(`${node}/count`, [slice.count]);
    const shape = graph.node(`${node}/Shape`, 'Concat', [leading, count], { attributes: { axis: 0n } });
    return { index, slice, node, logits: graph.node(`${node}/logits`, 'Reshape', [product, shape]) };
  }

  function findTop({ index, slice, node, logits }: SliceValues): readonly [string, string] {
    const count = slices.length === 1 ? topK : graph.input(`top_k.${index}`, 'int64', [1]);
    const [values, ids] = graph.nodes(`${node}/TopK`, 'TopK', [logits, count], {
      outputs: [`${node}/top_logits`, `${node}/top_places`],
      attributes: { axis: -1n, largest: 1n, sorted: 1n },
    }) as [string, string];
    if (slice.start === 0) return [values, ids];
    const start = graph.constantInt64(`${node}/start`, [slice.start]);
    return [values, graph.node(`${node}/top_ids`, 'Add', [ids, start])];
  }

  /** The best of the slices' best; among equals the smaller id, as within a slice. */
  function mergeTop(tops: readonly (readonly [string, string])[]): readonly [string, string] {
    if (tops.length === 1) return tops[0]!;
    const join = (name: string, part: 0 | 1) =>
      graph.node(
        name,
        'Concat',
        tops.map((top) => top[part]),
        { attributes: { axis: -1n } },
      );
    const ids = join('/head/candidates/ids', 1);
    const [values, places] = graph.nodes('/head/TopK', 'TopK', [join('/head/candidates', 0), topK], {
      outputs: ['/head/top_logits', '/head/top_places'],
      attributes: { axis: -1n, largest: 1n, sorted: 1n },
    }) as [string, string];
    return [
      values,
      graph.node('/head/top_ids', 'GatherElements', [ids, places], { attributes: { axis: -1n } }),
    ];
  }

  /** Σ e, Σ e d and Σ e_L d over the slice, [P, N, 1] each. */
  function sumExponentials({ node, logits }: SliceValues) {
    const differences = graph.node(`${node}/Sub`, 'Sub', [logits, largest]);
    const exponentials = graph.node(`${node}/Exp`, 'Exp', [differences]);
    const finalExponentials = gatherLastLayer(`${node}/final`, exponentials);
    const weighted = (name: string, weight: string) =>
      sum(name, graph.node(`${name}/Mul`, 'Mul', [differences, weight]));
    return {
      all: exponentials,
      exponentials: sum(`${node}/sum_exp`, exponentials),
      own: weighted(`${node}/own`, exponentials),
      final: weighted(`${node}/cross`, finalExponentials),
    };
  }

  /** ln Σ e − (Σ parts) / weight */
  function lessMean(name: string, parts: readonly string[], weight: string): string {
    const mean = graph.node(`${name}/Div`, 'Div', [addUp(`${name}/parts`, parts), weight]);
    return graph.node(`${name}/Sub`, 'Sub', [logSumExp, mean]);
  }

  function addUp(name: string, parts: readonly string[]): string {
    return parts.reduce((total, part, index) => graph.node(`${name}/Add.${index}`, 'Add', [total, part]));
  }

  function sum(name: string, values: string): string {
    return graph.node(`${name}/ReduceSum`, 'ReduceSum', [values, last], { attributes: { keepdims: 1n } });
  }

  function gatherLastLayer(name: string, values: string): string {
    return graph.node(`${name}/Gather`, 'Gather', [values, last], { attributes: { axis: 1n } });
  }

  /** [P, N, T] */
  function gatherTokens({ index, node, logits }: SliceValues): string {
    const ids = graph.input(`tokens.${index}`, 'int64', ['tokens']);
    const mask = graph.input(`token_mask.${index}`, 'float32', ['tokens']);
    const gathered = graph.node(`${node}/tokens/Gather`, 'Gather', [logits, ids], {
      attributes: { axis: -1n },
    });
    return graph.node(`${node}/tokens/Mask`, 'Add', [gathered, mask]);
  }

  /** The largest logit of each concept's tokens, [P, N, rankSlots]. */
  function findBest(): string {
    const places = graph.input('concept_places', 'int64', ['concept_tokens']);
    const gathered = graph.node('/head/concepts/Gather', 'Gather', [tokenLogits, places], {
      attributes: { axis: -1n },
    });
    const forms = graph.constantInt64('/head/concepts/forms', [rankSlots, -1]);
    const shape = graph.node('/head/concepts/Shape', 'Concat', [leading, forms], {
      attributes: { axis: 0n },
    });
    const shaped = graph.node('/head/concepts/Reshape', 'Reshape', [gathered, shape]);
    return graph.node('/head/concepts/ReduceMax', 'ReduceMax', [shaped, last], {
      attributes: { keepdims: 0n },
    });
  }

  /** rank = 1 + Σ_v [z_v > best]; one pass over the vocabulary per concept, unrolled. */
  function countLarger(best: string): string {
    const one = graph.constantFloat32('one', [1]);
    const ranks = Array.from({ length: rankSlots }, (_, slot) => {
      const name = `/head/concepts/rank.${slot}`;
      const place = graph.constantInt64(`${name}/slot`, [slot]);
      const threshold = graph.node(`${name}/Gather`, 'Gather', [best, place], { attributes: { axis: -1n } });
      const counts = slices.map(({ index, logits }) => {
        const part = `${name}/${index}`;
        const larger = graph.node(`${part}/Greater`, 'Greater', [logits, threshold]);
        return sum(part, graph.node(`${part}/Cast`, 'Cast', [larger], { attributes: { to: 1n } }));
      });
      return graph.node(`${name}/Add`, 'Add', [addUp(name, counts), one]);
    });
    return graph.node('/head/concepts/rank', 'Concat', ranks, { attributes: { axis: -1n } });
  }
}
