import { DecoderRun, embedPrompt, type DecoderPass } from '../model/decoder-run.ts';
import { inputWidth } from '../families/shared/model-config.ts';
import type { Model } from '../model/model.ts';
import type { ComposedPrompt } from '../model/compose-prompt.ts';
import type { Prefix } from './prefix-memory.ts';

/** A prompt that went through the decoder. */
export interface PromptReading {
  /** To go on from, when the cache was kept. */
  readonly run: DecoderRun;
  /** float32 [T, inputWidth] */
  readonly embeds: Float32Array;
  /** Of the part after the prefix; its last row is the prompt's last position. */
  readonly pass: DecoderPass;
  /**
   * Rows of the residual stream, before the final norm.
   *
   * @param positions among those that were read
   * @returns by layer 0…L, float32 [positions, D]
   */
  residual(positions: readonly number[]): Float32Array[];
}

/**
 * Runs what follows the prefix through the decoder; without a prefix the whole prompt.
 *
 * @param prefix with the rows that are read of it; null for a prompt without an image
 * @param positions to be read, ascending; the last one of the prompt among them
 */
export async function readPrompt(
  model: Model,
  prompt: ComposedPrompt,
  prefix: Prefix | null,
  positions: readonly number[],
  { maxLength, keepCache }: { readonly maxLength: number; readonly keepCache: boolean },
): Promise<PromptReading> {
  const { decoder } = model.checkpoint.config;
  const { dModel } = decoder;
  const start = prefix?.cache.length ?? 0;
  const after = prefix === null ? {} : { after: prefix.cache };
  const run = new DecoderRun(model, prompt, { maxLength, keepCache, ...after });
  const embeds = embedPrompt(model, prompt, prefix?.embeds ?? null);
  const own = positions.filter((position) => position >= start);
  const pass = await run.pass(
    embeds.subarray(start * inputWidth(decoder)),
    own.map((position) => position - start),
  );
  const inPrefix = prefix?.rows ?? { positions: [], residual: [] };
  const parts = [{ positions: own, residual: pass.residual }, inPrefix];
  const places = new Map(
    parts.flatMap((part) => part.positions.map((position, row) => [position, { part, row }] as const)),
  );
  return {
    run,
    embeds,
    pass,
    residual: (wanted) =>
      pass.residual.map((_, layer) => {
        const rows = new Float32Array(wanted.length * dModel);
        wanted.forEach((position, index) => {
          const { part, row } = places.get(position)!;
          rows.set(part.residual[layer]!.subarray(row * dModel, (row + 1) * dModel), index * dModel);
        });
        return rows;
      }),
  };
}
