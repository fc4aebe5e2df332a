import path from 'node:path';
import type { EngineTraceRequest } from '../stages/engine-trace-request.ts';
import type { LensTrace, ProviderName } from '../lens-trace/lens-trace.ts';
import { fixtureRequest, fixturesFolder, readTensors, type ReferenceCase } from './reference-fixtures.ts';
import type { ModelCache } from '../stages/model-cache.ts';
import { trace } from '../trace.ts';

/** For tests: how far one trace is from the reference's numbers. */
export interface Deviation {
  readonly case: string;
  readonly samePositionIds: boolean;
  readonly sameTokenIds: boolean;
  /** Largest |a − b|; NaN where the reference stored no pixels. */
  readonly pixels: number;
  /** ‖a − b‖ / ‖b‖ */
  readonly imageEmbeds: number;
  /** The largest ‖a − b‖ / ‖b‖ over all rows of the residual stream. */
  readonly residual: number;
  readonly logits: number;
  /** Largest |a − b|, nats, over the top-10 log-probabilities, the entropies and the divergences. */
  readonly lens: number;
  /** Cells whose top-10 differ although the reference's neighbours are further apart than the tolerance. */
  readonly wrongOrder: number;
  readonly sameText: boolean;
  /** What it was computed on; null when unknown. */
  readonly device: string | null;
}

const neighbourTolerance = 1e-4;

/** Traces a reference case of the fixtures at every position, with a dump, and compares everything that was stored for it. */
export async function compareWithReference(
  checkpoint: string,
  reference: ReferenceCase,
  {
    models,
    provider,
    folder,
  }: { readonly models: ModelCache; readonly provider: ProviderName; readonly folder: string },
): Promise<Deviation> {
  const dumpPath = path.join(folder, `${checkpoint}-${reference.id.replaceAll('/', '-')}.safetensors`);
  const request = fixtureRequest(checkpoint, {
    imagePath: path.join(fixturesFolder, reference.image),
    prompt: reference.prompt,
    positions: 'all',
    generate: 8,
    provider,
  });
  const name = `${checkpoint} ${reference.id}`;
  return compareTrace(
    name,
    { ...request, dumpPath },
    { ...reference, file: path.join(fixturesFolder, reference.file) },
    models,
  );
}

/** Runs a request that traces every position and dumps, and compares it with the numbers in `reference.file`. */
export async function compareTrace(
  name: string,
  request: EngineTraceRequest & { readonly dumpPath: string },
  reference: Pick<ReferenceCase, 'file' | 'generatedText' | 'stoppedByEos'>,
  models: ModelCache,
): Promise<Deviation> {
  const result = await trace(request, {}, models);
  const dump = await readTensors(request.dumpPath);
  const expected = await readTensors(reference.file);
  const of = (tensors: typeof dump, tensor: string) => tensors.get(tensor)?.data ?? [];
  return {
    case: name,
    samePositionIds: of(dump, 'position_ids').join() === of(expected, 'position_ids').join(),
    sameTokenIds: result.prompt.tokenIds.join() === of(expected, 'input_ids').join(),
    pixels: expected.has('pixel_values')
      ? largestDifference(of(dump, 'pixel_values'), of(expected, 'pixel_values'))
      : NaN,
    imageEmbeds: relativeError(of(dump, 'image_embeds'), of(expected, 'image_embeds')),
    residual: worstRow(of(dump, 'residual_stream'), of(expected, 'residual_stream'), result.model.dModel),
    logits: relativeError(of(dump, 'logits'), of(expected, 'logits')),
    lens: Math.max(
      largestDifference(result.cells.topLogProbs, of(expected, 'top_log_probs')),
      largestDifference(result.cells.entropy, of(expected, 'entropy')),
      largestDifference(result.cells.klToFinal, of(expected, 'kl_to_final')),
    ),
    wrongOrder: countWrongOrder(result, of(expected, 'top_ids'), of(expected, 'top_log_probs')),
    sameText:
      result.generated.text === reference.generatedText && result.generated.ended === reference.stoppedByEos,
    device: result.model.device ?? null,
  };
}

/** Cells in which an id differs from the reference's although its log-probability is clear of both neighbours. */
function countWrongOrder(
  { cells, topK }: LensTrace,
  ids: readonly number[],
  logProbs: readonly number[],
): number {
  let wrong = 0;
  for (let index = 0; index < ids.length; index++) {
    const place = index % topK;
    const clearOf = (other: number) => Math.abs(logProbs[index]! - logProbs[other]!) > neighbourTolerance;
    // The tenth token's successor is not stored, so the last place is only judged by its predecessor.
    const clear = (place === 0 || clearOf(index - 1)) && (place === topK - 1 ? true : clearOf(index + 1));
    if (clear && place < topK - 1 && cells.topIds[index] !== ids[index]) wrong++;
    if (place === topK - 1 && clear && cells.topIds[index] !== ids[index]) {
      const difference = Math.abs(cells.topLogProbs[index]! - logProbs[index]!);
      if (difference > neighbourTolerance) wrong++;
    }
  }
  return wrong;
}

export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

function worstRow(a: readonly number[], b: readonly number[], width: number): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let start = 0; start < a.length; start += width) {
    const error = relativeError(a.slice(start, start + width), b.slice(start, start + width));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}
