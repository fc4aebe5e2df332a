import type { Gate } from '../lens-trace/lens-trace.ts';
import type { LoadedModel } from '../model/model.ts';
import { measureParity, readFinalLogits } from '../model/parity-gate.ts';
import { prefixLength } from '../prefix-cache/image-prefix.ts';
import { openPrefix, type OpenedPrefix } from '../prefix-cache/open-prefix.ts';
import type { PrefixMemory } from '../prefix-cache/prefix-memory.ts';
import { readPrompt, type PromptReading } from '../prefix-cache/read-prompt.ts';
import { reportProgress, type TraceHooks } from '../progress/trace-hooks.ts';
import type { TraceInput } from './trace-input.ts';
import type { EngineTraceRequest } from './engine-trace-request.ts';

/** A prompt that went through the decoder and passed the parity gate. */
export interface InputReading extends PromptReading {
  /** float32 [tokenizer size]: the model's own logits after the prompt. */
  readonly finalLogits: Float32Array;
  /** Of the model's load or of this prompt, whichever came closer to its tolerance. */
  readonly gate: Gate;
}

/**
 * Runs the image through the vision tower, unless its output is remembered.
 *
 * @param upcoming image files that may go through with it
 * @returns null without an image
 */
export async function encodeInput(
  model: LoadedModel,
  memory: PrefixMemory,
  { image, prompt, processor, rowsRead }: TraceInput,
  upcoming: readonly string[],
  hooks: TraceHooks,
): Promise<OpenedPrefix | null> {
  await reportProgress(hooks, 'vision', 0, 1);
  const positions = rowsRead.filter((position) => position < prefixLength(prompt));
  const opened =
    image === null
      ? null
      : await openPrefix(model, memory, { input: { image, prompt }, positions, upcoming, processor }, hooks);
  await reportProgress(hooks, 'vision', 1, 1);
  return opened;
}

/**
 * Runs the prompt through the decoder in two parts, up to the end of the image and what follows, so that prompts about the
 * same image can share the first part.
 *
 * @throws FundusLensError `model.parity-gate`
 */
export async function readInput(
  model: LoadedModel,
  { prompt, rowsRead }: TraceInput,
  encoded: OpenedPrefix | null,
  { generate }: Pick<EngineTraceRequest, 'generate'>,
  hooks: TraceHooks,
): Promise<InputReading> {
  await reportProgress(hooks, 'decoder', 0, 2);
  const prefix = encoded === null ? null : await encoded.read();
  await reportProgress(hooks, 'decoder', 1, 2);
  const maxLength = prompt.tokenIds.length + generate;
  const reading = await readPrompt(model, prompt, prefix, rowsRead, { maxLength, keepCache: generate > 0 });
  if (generate === 0) await model.decoder.rest();
  const logits = await readFinalLogits(model, reading.pass);
  const gate = tighterGate(model.gate, measureParity(logits, model.checkpoint.folder));
  await reportProgress(hooks, 'decoder', 2, 2);
  return { ...reading, finalLogits: logits.model, gate };
}

function tighterGate(a: Gate, b: Gate): Gate {
  return a.maxAbsDiff / a.tolerance > b.maxAbsDiff / b.tolerance ? a : b;
}
