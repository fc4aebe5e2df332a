import type { CausalReadingJson, CheckedPairJson } from '../../contract/causal-checks.ts';
import { FundusLensError } from '../../contract/errors.ts';
import type { CausalReading } from '../../engine/lens-trace/causal-request.ts';
import { summarisePairs } from './pair-statistics.ts';
import { api } from '../api.ts';
import { folderOf } from '../models/model-state.ts';
import type { Services } from '../services.ts';
import { chosenImages } from '../traces/enqueue.ts';
import { pairsOfLibrary } from './labelled-images.ts';

export function causalChecksRouter({ session, engines, settings }: Services) {
  const { causalChecks } = api;
  return causalChecks.router({
    pairs: causalChecks.pairs.handler(({ input: { images, label, ...choice } }) =>
      pairsOfLibrary(session.library, chosenImages(session.library, images), label, choice),
    ),
    check: causalChecks.check.handler(async ({ input, signal }) => {
      const { library } = session;
      const { modelId, cleanId, corruptId, provider, ...asked } = input;
      const fileOf = (id: number) => library.images.readableFile(library.images.get(id));
      const request = {
        ...asked,
        modelDir: folderOf(library.models.get(modelId)),
        provider: provider ?? settings.get().provider,
        cleanPath: fileOf(cleanId),
        corruptPath: fileOf(corruptId),
      };
      return toJson(await engines.checkCause(modelId, request, signal === undefined ? {} : { signal }));
    }),
    summarise: causalChecks.summarise.handler(({ input: { pairs, samples, seed } }) => {
      requireAlike(pairs);
      const read = pairs.map(({ kind, reading }) => ({ kind, reading: fromJson(reading) }));
      try {
        return summarisePairs(read, samples, seed);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new FundusLensError('input.invalid', 'The model answers the photographs of every pair alike.', {
          expected: 'a pair of opposite labels whose answers differ by 1 or more',
          found: error.message,
          advice: 'Ask another question, or give other beginnings of its answers.',
          cause: error,
        });
      }
    }),
  });
}

/** @throws FundusLensError `input.invalid` for pairs of several models */
function requireAlike(pairs: readonly CheckedPairJson[]): void {
  const models = new Set(pairs.map(({ reading }) => reading.model.sha256));
  if (models.size === 1) return;
  throw new FundusLensError('input.invalid', 'The pairs are not of one model.', {
    expected: 'pairs that one model was checked with',
    found: `${models.size} models`,
    advice: 'Summarise the pairs of each model apart.',
  });
}

function toJson(reading: CausalReading): CausalReadingJson {
  const { model, cells, tokens, patches, meanAblated, knockouts } = reading;
  return {
    ...reading,
    model: { ...model },
    cells: [...cells],
    tokens: { a: [...tokens.a], b: [...tokens.b] },
    patches: patches.map(({ intoCorrupt, intoClean, ...patch }) => ({
      ...patch,
      intoCorrupt: [...intoCorrupt],
      intoClean: [...intoClean],
    })),
    meanAblated: [...meanAblated],
    knockouts: knockouts.map(({ knockedOut, random, ...knockout }) => ({
      ...knockout,
      knockedOut: [...knockedOut],
      random: [...random],
    })),
  };
}

function fromJson(reading: CausalReadingJson): CausalReading {
  return {
    ...reading,
    patches: reading.patches.map(({ intoCorrupt, intoClean, ...patch }) => ({
      ...patch,
      intoCorrupt: Float32Array.from(intoCorrupt),
      intoClean: Float32Array.from(intoClean),
    })),
    meanAblated: Float32Array.from(reading.meanAblated),
    knockouts: reading.knockouts.map(({ knockedOut, random, ...knockout }) => ({
      ...knockout,
      knockedOut: Float32Array.from(knockedOut),
      random: Float32Array.from(random),
    })),
  };
}
