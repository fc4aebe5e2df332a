import { readRows } from '../weights/tensor-reader.ts';
import { writeSafetensors, type NamedTensor } from '../weights/safetensors-writer.ts';
import type { Model } from '../model/model.ts';

export interface Dump {
  /** float32 [patches, 1176]; null without an image. */
  readonly pixelValues: Float32Array | null;
  /** float32 [cells, D]; null without an image. */
  readonly imageEmbeds: Float32Array | null;
  /** By layer 0…L, float32 [T, D], pre-norm. */
  readonly residual: readonly Float32Array[];
  /** float32 [D]: the last position after the final norm. */
  readonly finalState: Float32Array;
  /** float32 [tokenizer size]: the model's logits at the last position. */
  readonly finalLogits: Float32Array;
  /** Axes t, h, w, each int32 [T]. */
  readonly positionIds: readonly Int32Array[];
}

/**
 * Writes what a reference implementation can be compared with: `pixel_values`, `image_embeds`,
 * `residual_stream` [L+1, T, D], `logits` [V] and `position_ids` [3, T], in a file that PyTorch reads.
 *
 * @throws FundusLensError `output.unwritable`
 */
export async function writeDump(file: string, { checkpoint, head }: Model, dump: Dump): Promise<void> {
  const { dModel, vocabSize } = checkpoint.config.decoder;
  const float32 = (
    name: string,
    width: number,
    parts: readonly Float32Array[],
    leading: readonly number[] = [],
  ): NamedTensor => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const outer = leading.reduce((product, side) => product * side, 1);
    return { name, dtype: 'F32', shape: [...leading, length / width / outer, width], parts };
  };
  const tensors: NamedTensor[] = [];
  if (dump.pixelValues !== null && dump.imageEmbeds !== null) {
    const { patchSize, temporalPatchSize } = checkpoint.config.vision;
    tensors.push(float32('pixel_values', 3 * temporalPatchSize * patchSize ** 2, [dump.pixelValues]));
    tensors.push(float32('image_embeds', dModel, [dump.imageEmbeds]));
  }
  tensors.push(float32('residual_stream', dModel, dump.residual, [dump.residual.length]));
  const logits = [dump.finalLogits, unembedPadding()];
  tensors.push({ name: 'logits', dtype: 'F32', shape: [vocabSize], parts: logits });
  tensors.push({
    name: 'position_ids',
    dtype: 'I64',
    shape: [3, dump.positionIds[0]!.length],
    parts: dump.positionIds.map((axis) => BigInt64Array.from(axis, BigInt)),
  });
  await writeSafetensors(file, tensors);

  /** Logits of the rows beyond the tokenizer, which the lens never computes. */
  function unembedPadding(): Float32Array {
    const rows = Array.from({ length: vocabSize - head.numTokens }, (_, index) => head.numTokens + index);
    const weights = readRows(checkpoint.weights.view(checkpoint.unembedding), rows);
    return Float32Array.from(rows, (_, index) => {
      let sum = 0;
      for (let d = 0; d < dModel; d++) sum += dump.finalState[d]! * weights[index * dModel + d]!;
      return sum;
    });
  }
}
