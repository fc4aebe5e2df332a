import { readRows } from '../weights/tensor-reader.ts';
import { writeSafetensors, type NamedTensor } from '../weights/safetensors-writer.ts';
import { firstFeatures } from '../model/embed-tokens.ts';
import type { Model } from '../model/model.ts';
import type { OpenedPrefix } from '../prefix-cache/open-prefix.ts';
import type { InputReading } from './read-input.ts';
import type { TraceInput } from './trace-input.ts';

interface DumpedParts {
  readonly model: Model;
  readonly input: TraceInput;
  readonly encoded: OpenedPrefix | null;
  readonly reading: InputReading;
}

/**
 * Writes what a reference implementation can be compared with: `pixel_values`, `image_embeds`,
 * `residual_stream` [L+1, T, D], `logits` [V] and `position_ids` [axes, T], in a file that PyTorch reads.
 *
 * @throws FundusLensError `output.unwritable`
 */
export async function writeDump(
  file: string,
  { model, input, encoded, reading }: DumpedParts,
): Promise<void> {
  const { checkpoint, head } = model;
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
  if (input.image !== null && encoded !== null) {
    const { patchSize, temporalPatchSize } = checkpoint.config.vision;
    const pixels = await input.image.pixelValues();
    tensors.push(float32('pixel_values', 3 * temporalPatchSize * patchSize ** 2, [pixels]));
    tensors.push(float32('image_embeds', dModel, [firstFeatures(checkpoint, encoded.embeds)]));
  }
  const residual = reading.residual(input.rowsRead);
  tensors.push(float32('residual_stream', dModel, residual, [residual.length]));
  const logits = [reading.finalLogits, unembedPadding()];
  tensors.push({ name: 'logits', dtype: 'F32', shape: [vocabSize], parts: logits });
  const length = input.prompt.tokenIds.length;
  const axes = reading.run.positionIds.map((axis) => BigInt64Array.from(axis.subarray(0, length), BigInt));
  tensors.push({ name: 'position_ids', dtype: 'I64', shape: [axes.length, length], parts: axes });
  await writeSafetensors(file, tensors);

  /** Logits of the rows beyond the tokenizer, which the lens never computes. */
  function unembedPadding(): Float32Array {
    const rows = Array.from({ length: vocabSize - head.numTokens }, (_, index) => head.numTokens + index);
    const weights = readRows(checkpoint.weights.view(checkpoint.unembedding), rows);
    return Float32Array.from(rows, (_, index) => {
      let sum = 0;
      for (let d = 0; d < dModel; d++) sum += reading.pass.finalState[d]! * weights[index * dModel + d]!;
      return sum;
    });
  }
}
