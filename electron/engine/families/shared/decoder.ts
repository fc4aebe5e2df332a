import { addAttentionInputs, decoderAttention } from './decoder-attention.ts';
import type { LayerRange } from './family.ts';
import { inputWidth, type DecoderConfig } from './model-config.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { gatedMlp } from '../../graph/mlp.ts';
import { addAndRmsNorm, rmsNorm } from '../../graph/norm.ts';
import type { WeightProvider } from '../../weights/weight-source.ts';

/**
 * The decoder of Qwen2, Qwen3, Llama or Gemma 3 as a graph, or some of its blocks: then `embeds` is the stream before the first of them, and
 * unless the last block is among them there is an output `stream` float32 [B · S, inputWidth] and no `final_state`.
 *
 * Inputs, of B sequences of equal length one after the other: `embeds` float32 [B · S, inputWidth]; `rows` int64 [P], which of the
 * B · S rows to read; `query_shape`, `key_value_shape` int64 [3], B, S and the heads' width; `cos`, `sin` float32
 * [total, headDim / 2]; `past.{l}.key|value` float32 [B, G, past, H]; fused: `last_position` int32 [B],
 * `total_length` int32 []; composed: `past_length` int64 [1], `causal_bias` float32 [S, total]; with sliding blocks `sliding_cos`,
 * `sliding_sin` and `sliding_bias` of the same shapes too.
 * Outputs: `residual.{l}` float32 [P, D] for l = 1…L, the stream after block l, with what DeepStack adds there and **before** the final norm;
 * `final_state` float32 [1, D], the last row after the final norm, as the model itself would unembed it;
 * `present.{l}.key|value` float32 [B, G, total, H].
 * Row 0 of the residual stream is the first D columns of `embeds`; see `inputWidth` for the others.
 *
 * ```
 *   embeds ─► block 0 ─► … ─► block L−1 ─► final norm ─► final_state
 *                  └ residual.1        └ residual.L
 *   block:  x ─ norm ─ attention ─(+)─ norm ─ mlp ─(+)─►
 *   with normed updates:  x ─ norm ─ attention ─ norm ─(+)─ norm ─ mlp ─ norm ─(+)─►
 *   first blocks, with DeepStack:  … ─ mlp ─(+ features)─(+)─►
 * ```
 */
export function buildDecoder(
  config: DecoderConfig,
  weights: WeightProvider,
  target: GraphTarget,
  layers: LayerRange = { start: 0, end: config.numLayers },
): Uint8Array {
  const { numLayers, dModel, dMlp, rmsNormEps: eps, deepStackDepth, gainOffset } = config;
  const graph = new GraphBuilder('decoder', weights, target);
  const rows = graph.input('rows', 'int64', ['read']);
  const attentionInputs = addAttentionInputs(graph, config, target);
  const read = (layer: number, stream: string) => {
    const selected = graph.node(`/model/residual.${layer}/Gather`, 'Gather', [stream, rows], {
      attributes: { axis: 0n },
    });
    graph.output(`residual.${layer}`, selected, 'float32', ['read', dModel]);
  };

  const embeds = graph.input('embeds', 'float32', ['rows_in', inputWidth(config)]);
  const columns = (part: string, start: number, end: number) => {
    const bound = (name: string, value: number) => graph.constantInt64(`/model/${part}/${name}`, [value]);
    const bounds = [bound('start', start * dModel), bound('end', end * dModel), bound('axis', 1)];
    return graph.node(`/model/${part}/Slice`, 'Slice', [embeds, ...bounds]);
  };
  let stream = deepStackDepth === 0 ? embeds : columns('input', 0, 1);
  let normed = rmsNorm(
    graph,
    `/model/layers.${layers.start}/input_layernorm`,
    `model.layers.${layers.start}.input_layernorm`,
    stream,
    dModel,
    eps,
    gainOffset,
  );
  // Named as the files do: where updates are normed, "post_attention" is the norm of the update.
  const normUpdate = (layer: number, name: string, update: string) => {
    if (config.normedUpdates !== true) return update;
    const node = `/model/layers.${layer}/${name}`;
    return rmsNorm(graph, node, `model.layers.${layer}.${name}`, update, dModel, eps, gainOffset);
  };
  const middleNorm = config.normedUpdates === true ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
  for (let layer = layers.start; layer < layers.end; layer++) {
    const node = `/model/layers.${layer}`;
    const tensor = `model.layers.${layer}`;
    const attended = decoderAttention(
      graph,
      `${node}/attn`,
      `${tensor}.self_attn`,
      normed,
      layer,
      config,
      attentionInputs,
      target,
    );
    const middle = addAndRmsNorm(
      graph,
      `${node}/${middleNorm}`,
      `${tensor}.${middleNorm}`,
      stream,
      normUpdate(layer, 'post_attention_layernorm', attended),
      dModel,
      eps,
      gainOffset,
    );
    const mlp = gatedMlp(graph, `${node}/mlp`, `${tensor}.mlp`, middle.normed, [dModel, dMlp], {
      bias: false,
      activation: config.activation ?? 'silu',
    });
    let update = normUpdate(layer, 'post_feedforward_layernorm', mlp);
    if (layer < deepStackDepth) {
      const features = columns(`deepstack.${layer}`, layer + 1, layer + 2);
      update = graph.node(`${node}/deepstack/Add`, 'Add', [update, features]);
    }
    if (layer === layers.end - 1 && layers.end < numLayers) {
      stream = graph.node(`${node}/mlp/Residual`, 'Add', [middle.sum, update]);
      read(layer + 1, stream);
      if (deepStackDepth > 0) {
        const features = columns('deepstack', 1, 1 + deepStackDepth);
        stream = graph.node('/model/stream/Concat', 'Concat', [stream, features], {
          attributes: { axis: 1n },
        });
      }
      graph.output('stream', stream, 'float32', ['rows_in', inputWidth(config)]);
      return graph.build();
    }
    const isLast = layer === numLayers - 1;
    const next = addAndRmsNorm(
      graph,
      isLast ? '/model/norm' : `/model/layers.${layer + 1}/input_layernorm`,
      isLast ? 'model.norm' : `model.layers.${layer + 1}.input_layernorm`,
      middle.sum,
      update,
      dModel,
      eps,
      gainOffset,
    );
    stream = next.sum;
    normed = next.normed;
    read(layer + 1, stream);
  }
  const lastRow = graph.constantInt64('last_row', [-1]);
  const finalState = graph.node('/model/final_state/Gather', 'Gather', [normed, lastRow], {
    attributes: { axis: 0n },
  });
  graph.output('final_state', finalState, 'float32', [1, dModel]);
  return graph.build();
}
