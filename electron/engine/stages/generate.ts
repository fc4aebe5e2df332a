import { embedTokens } from '../model/embed-tokens.ts';
import type { DecoderPass } from '../model/decoder-run.ts';
import { readFinalLogits } from '../model/parity-gate.ts';
import type { Model } from '../model/model.ts';
import { concatenate } from '../weights/concatenate.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { InputReading } from './read-input.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

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
 * The residual stream at the generated positions is kept when they are traced, which costs one more pass.
 */
export async function generate(
  model: Model,
  { run, finalLogits }: Pick<InputReading, 'run' | 'finalLogits'>,
  { generate: count, traceGenerated: traced }: Pick<EngineTraceRequest, 'generate' | 'traceGenerated'>,
  hooks: TraceHooks,
): Promise<Generation> {
  const { endTokenIds } = model.checkpoint;
  const ids: number[] = [];
  const residual: (readonly Float32Array[])[] = [];
  let ended = false;
  let logits = finalLogits;
  while (ids.length < count) {
    await reportProgress(hooks, 'generate', ids.length, count);
    const id = argmax(logits);
    if (endTokenIds.includes(id)) {
      ended = true;
      break;
    }
    ids.push(id);
    if (ids.length === count && !traced) break;
    const pass: DecoderPass = await run.pass(embedTokens(model.checkpoint, [id]), [0]);
    if (traced) residual.push(pass.residual);
    logits = (await readFinalLogits(model, pass)).model;
  }
  await reportProgress(hooks, 'generate', count, count);
  await model.decoder.rest();
  return { ids, ended, residual };
}

/** Residual rows of the prompt with those of the generated positions after them, by layer. */
export function appendGenerated(
  ofPrompt: readonly Float32Array[],
  { residual }: Generation,
): readonly Float32Array[] {
  if (residual.length === 0) return ofPrompt;
  return ofPrompt.map((stream, layer) => concatenate([stream, ...residual.map((layers) => layers[layer]!)]));
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if (values[index]! > values[best]!) best = index;
  return best;
}
