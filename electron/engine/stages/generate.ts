import { readRows } from '../weights/tensor-reader.ts';
import type { DecoderPass, DecoderRun } from '../model/decoder-run.ts';
import { readFinalLogits } from '../model/parity-gate.ts';
import type { Model } from '../model/model.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';

export interface Generation {
  /** Without the end token. */
  readonly ids: readonly number[];
  readonly ended: boolean;
  /** By generated token and layer 0…L, float32 [D]; empty unless they are to be traced. */
  readonly residual: readonly (readonly Float32Array[])[];
}

/**
 * Continues a prompt greedily: always the token with the largest logit, the smallest id among equals.
 *
 * @param nextLogits float32 [V] after the prompt
 * @param count tokens at most
 * @param traced whether the residual stream at the generated positions is kept; costs one more pass
 */
export async function generate(
  model: Model,
  run: DecoderRun,
  nextLogits: Float32Array,
  { count, traced }: { readonly count: number; readonly traced: boolean },
  hooks: TraceHooks,
): Promise<Generation> {
  const { embedding, endTokenIds } = model.checkpoint;
  const ids: number[] = [];
  const residual: (readonly Float32Array[])[] = [];
  let ended = false;
  let logits = nextLogits;
  while (ids.length < count) {
    await reportProgress(hooks, 'generate', ids.length, count);
    const id = argmax(logits);
    if (endTokenIds.includes(id)) {
      ended = true;
      break;
    }
    ids.push(id);
    if (ids.length === count && !traced) break;
    const pass: DecoderPass = await run.pass(readRows(embedding, [id]), [0]);
    if (traced) residual.push(pass.residual);
    logits = (await readFinalLogits(model, pass)).model;
  }
  await reportProgress(hooks, 'generate', count, count);
  return { ids, ended, residual };
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}
