import { FundusLensError } from '../../contract/errors.ts';
import type { Gate } from '../lens-trace/lens-trace.ts';
import { readRows } from '../weights/tensor-reader.ts';
import { DecoderRun, embedPrompt, type DecoderPass } from './decoder-run.ts';
import type { Model } from './model.ts';
import { composePrompt } from './compose-prompt.ts';

/** Largest difference allowed, relative to the largest logit (at least 1). */
const relativeTolerance = 1e-3;
/** Unembedding rows that are also read from the file and multiplied in float64. */
const numSpotChecks = 64;
const gatePrompt = 'What is this?';

/** The last position as the lens reads it and as the model itself would, logit units over the tokenizer. */
export interface FinalLogits {
  readonly lens: Float32Array;
  readonly model: Float32Array;
}

/**
 * Unembeds the last position twice in one run: its pre-norm residual through the lens, and the decoder's own
 * normed state as it is.
 */
export async function readFinalLogits({ head }: Model, pass: DecoderPass): Promise<FinalLogits> {
  const lastRow = pass.residual.at(-1)!.slice(-head.dModel);
  const rows = new Float32Array(2 * head.dModel);
  rows.set(lastRow);
  rows.set(pass.finalState, head.dModel);
  const logits = await head.unembed(rows, [false, true]);
  return { lens: logits.subarray(0, head.numTokens), model: logits.subarray(head.numTokens) };
}

/**
 * Measures how far the lens at the last layer is from the model's own logits.
 *
 * @throws FundusLensError `model.parity-gate` when they differ
 */
export function measureParity({ lens, model }: FinalLogits, folder: string): Gate {
  let maxAbsDiff = 0;
  let largest = 1;
  for (let token = 0; token < model.length; token++) {
    const difference = Math.abs(lens[token]! - model[token]!);
    if (!(difference <= maxAbsDiff)) maxAbsDiff = difference;
    largest = Math.max(largest, Math.abs(model[token]!));
  }
  const tolerance = relativeTolerance * largest;
  if (!(maxAbsDiff <= tolerance)) throw parityError(folder, 'logits of the decoder', tolerance, maxAbsDiff);
  return { maxAbsDiff, tolerance };
}

/**
 * The gate of a freshly loaded model: a short text through the decoder, the lens at the last layer against the
 * model's own logits over the whole vocabulary, and a sample of logits against rows of the weights file.
 *
 * @throws FundusLensError `model.parity-gate`
 */
export async function checkParity(model: Model): Promise<Gate> {
  const { checkpoint } = model;
  const prompt = composePrompt(checkpoint, gatePrompt, null, 0);
  const run = new DecoderRun(model, prompt, { maxLength: prompt.tokenIds.length, keepCache: false });
  const pass = await run.pass(embedPrompt(model, prompt, null), [prompt.tokenIds.length - 1]);
  await model.decoder.rest();
  const logits = await readFinalLogits(model, pass);
  await model.head.rest();
  const gate = measureParity(logits, checkpoint.folder);
  spotCheck(model, pass.finalState, logits.lens, gate);
  return gate;
}

function spotCheck(
  { checkpoint, head }: Model,
  state: Float32Array,
  logits: Float32Array,
  { tolerance }: Gate,
): void {
  const step = Math.max(1, Math.floor(head.numTokens / numSpotChecks));
  const tokens = Array.from({ length: Math.floor(head.numTokens / step) }, (_, index) => index * step);
  const rows = readRows(checkpoint.weights.view(checkpoint.unembedding), tokens);
  tokens.forEach((token, index) => {
    let expected = 0;
    for (let d = 0; d < head.dModel; d++) expected += state[d]! * rows[index * head.dModel + d]!;
    const difference = Math.abs(expected - logits[token]!);
    if (!(difference <= tolerance))
      throw parityError(checkpoint.folder, `weights of token ${token}`, tolerance, difference);
  });
}

function parityError(folder: string, against: string, tolerance: number, found: number): FundusLensError {
  return new FundusLensError('model.parity-gate', `The lens does not agree with the model in ${folder}.`, {
    expected: `the last layer’s lens within ${tolerance.toPrecision(3)} of the ${against}`,
    found: `a difference of ${found.toPrecision(3)}`,
    advice:
      'Do not use this model’s traces. Check the files’ SHA-256, and report the model if they are right.',
  });
}
