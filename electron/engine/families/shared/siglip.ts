import type { VisionPass } from './family.ts';
import type { VisionConfig } from './model-config.ts';
import { attendPatches } from './patch-attention.ts';
import { visionBlock } from './vision-block.ts';
import type { GraphBuilder } from '../../graph/graph-builder.ts';
import type { GraphTarget } from '../../graph/graph-target.ts';
import { linear } from '../../graph/linear.ts';
import { layerNorm } from '../../graph/norm.ts';
import { flattened, toBatch } from '../../graph/reshape.ts';
import { float32Tensor, int64Tensor } from '../../runtime/session.ts';
import { concatenate } from '../../weights/concatenate.ts';

const eps = 1e-6;
const names = { norms: ['layer_norm1', 'layer_norm2'], mlp: ['fc1', 'fc2'] } as const;

/**
 * The SigLIP tower in a graph, from the patches of square images of one size to their normed rows: float32 [B · S, C].
 *
 * Inputs, of B images one after the other: `pixel_values` float32 [B · S, 3 · patch²], the patches of a token contiguous;
 * `batch_shape` int64 [3], B, S and the width; `position_ids` int64 [S], the learned position of each patch.
 *
 * ```
 *   patch_embed ─(+ positions)─► block 0 ─► … ─► block n ─► norm ─►
 *   block:  x ─ norm ─ attention over the image ─(+)─ norm ─ mlp ─(+)─►
 * ```
 */
export function siglipTower(graph: GraphBuilder, config: VisionConfig, target: GraphTarget): string {
  const { numBlocks, width, patchSize } = config;
  const patchWidth = 3 * patchSize ** 2;
  const pixels = graph.input('pixel_values', 'float32', ['rows', patchWidth]);
  const batchShape = graph.input('batch_shape', 'int64', [3]);
  const sides = [width, patchWidth] as const;
  const options = { bias: true, flatten: true };
  const patches = linear(graph, '/visual/patch_embed', 'visual.patch_embed.proj', pixels, sides, options);
  let x = addPositions(graph, patches, batchShape, config);
  for (let block = 0; block < numBlocks; block++)
    x = visionBlock(graph, block, x, config, names, (normed) =>
      attention(graph, block, normed, config, batchShape, target),
    );
  return layerNorm(graph, '/visual/post_layernorm', 'visual.post_layernorm', x, width, eps);
}

/** Adds to every patch its learned position, the same in every image: float32 [B · S, C]. */
function addPositions(
  graph: GraphBuilder,
  patches: string,
  batchShape: string,
  { width, positionSide }: VisionConfig,
): string {
  const node = '/visual/pos_embed';
  const table = graph.weight('visual.pos_embed.weight', [positionSide! ** 2, width]);
  const ids = graph.input('position_ids', 'int64', ['patches']);
  const positions = graph.node(`${node}/Gather`, 'Gather', [table, ids], { attributes: { axis: 0n } });
  const batch = toBatch(graph, node, patches, batchShape);
  return flattened(graph, node, graph.node(`${node}/Add`, 'Add', [batch, positions]), width);
}

/** Every patch looks at all of its image: float32 [B · S, C]. */
function attention(
  graph: GraphBuilder,
  block: number,
  x: string,
  config: VisionConfig,
  batchShape: string,
  target: GraphTarget,
): string {
  const node = `/visual/blocks.${block}/attn`;
  const tensor = `visual.blocks.${block}.self_attn`;
  const { width } = config;
  const project = (name: string) => {
    const rows = linear(graph, `${node}/${name}`, `${tensor}.${name}`, x, [width, width], { bias: true });
    return toBatch(graph, `${node}/${name}`, rows, batchShape);
  };
  const qkv = [project('q_proj'), project('k_proj'), project('v_proj')] as const;
  const rows = attendPatches(graph, node, qkv, config, null, target);
  return linear(graph, `${node}/out_proj`, `${tensor}.out_proj`, rows, [width, width], { bias: true });
}

/**
 * The inputs of the tower for images of `side` × `side` patches; see {@link siglipTower}.
 *
 * @param placeOf the learned position on one axis of a patch's row or column
 */
export function feedSiglip(
  { width, patchSize, mergeSize, positionSide }: VisionConfig,
  side: number,
  pixelValues: readonly Float32Array[],
  placeOf: (patch: number) => number,
): VisionPass {
  const pixels = concatenate(pixelValues);
  const patchWidth = 3 * patchSize ** 2;
  const numPatches = side ** 2;
  const images = pixels.length / patchWidth / numPatches;
  const positions = patchesByCell(side, mergeSize).map(
    ([row, column]) => placeOf(row) * positionSide! + placeOf(column),
  );
  return {
    feeds: {
      pixel_values: float32Tensor(pixels, [images * numPatches, patchWidth]),
      batch_shape: int64Tensor(BigInt64Array.from([images, numPatches, width], BigInt), [3]),
      position_ids: int64Tensor(BigInt64Array.from(positions, BigInt), [numPatches]),
    },
    toImageOrder: (embeds) => embeds,
  };
}

/** [row, column] of every patch, the patches of a token one after the other, row by row inside it. */
function patchesByCell(side: number, mergeSize: number): (readonly [number, number])[] {
  const cells = side / mergeSize;
  return Array.from({ length: side ** 2 }, (_, patch) => {
    const cell = Math.floor(patch / mergeSize ** 2);
    const inCell = patch % mergeSize ** 2;
    return [
      Math.floor(cell / cells) * mergeSize + Math.floor(inCell / mergeSize),
      (cell % cells) * mergeSize + (inCell % mergeSize),
    ];
  });
}

type Renaming = readonly [RegExp, string];

/** Names of the tower's tensors after its own prefix, to those that the graph asks for. */
const inTower: readonly Renaming[] = [
  [/^embeddings\.patch_embedding\./, 'visual.patch_embed.proj.'],
  [/^embeddings\.position_embedding\./, 'visual.pos_embed.'],
  [/^encoder\.layers\./, 'visual.blocks.'],
  [/^/, 'visual.'],
];

/**
 * The canonical name of a tensor of a model with a SigLIP tower.
 *
 * @param tower the prefix of the tower's tensors in the file
 * @param others what else is called differently in the file; the first that fits counts
 */
export function siglipTensorName(nameInFile: string, tower: RegExp, others: readonly Renaming[]): string {
  const name = nameInFile.replace(tower, '');
  const renamed = name === nameInFile ? others : inTower;
  const [pattern, replacement] = renamed.find(([known]) => known.test(name)) ?? [/^/, ''];
  return name.replace(pattern, replacement);
}
