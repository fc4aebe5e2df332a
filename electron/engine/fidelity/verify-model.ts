import packageJson from '#package.json' with { type: 'json' };
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { FidelityProgress, FidelityReport, FidelityRequest } from '../lens-trace/fidelity-report.ts';
import { preparedFiles } from '../../contract/models/prepared-model.ts';
import { fingerprintCheckpoint } from '../checkpoint/fingerprint.ts';
import { preprocessImage } from '../image/preprocess.ts';
import { findEmergence } from '../lens/emergence.ts';
import { resolveConcepts } from '../lens/resolve-concepts.ts';
import { reportProgress } from '../progress/trace-hooks.ts';
import { compareLogits, type ConceptReading } from './compare-logits.ts';
import { LayerTally, share } from './layer-tally.ts';
import { StreamedModel, type StreamedCase } from './streamed-model.ts';

export interface FidelityHooks {
  readonly onProgress?: (progress: FidelityProgress) => void;
  /** An abort ends the work within a layer, with `engine.cancelled`. */
  readonly signal?: AbortSignal;
}

/** Positions of a prompt that are compared at most: evenly spread, the last among them. */
const maxPositions = 64;
/** Rows unembedded at once. */
const rowsAtOnce = 32;

type Stage = FidelityProgress['stage'];

/**
 * Runs every image with every prompt through the prepared weights and through the float32 ones, layer by layer
 * so that never more than one layer of either is in memory, compares what the lens reads, and writes the report
 * beside `prepared.json`.
 *
 * @throws FundusLensError `model.*`, `image.*`, `engine.cancelled`
 */
export async function verifyModel(request: FidelityRequest, hooks: FidelityHooks): Promise<FidelityReport> {
  const report = (stage: Stage, done: number, total: number) =>
    reportProgress(
      {
        onProgress: () => hooks.onProgress?.({ stage, done, total }),
        ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
      },
      'load',
      done,
      total,
    );
  const reference = await StreamedModel.open(request.reference);
  const prepared = await StreamedModel.open(request.prepared);
  try {
    const manifest = prepared.checkpoint.prepared;
    if (manifest === null || reference.checkpoint.prepared !== null) throw wrongWayRound(request);
    const { sha256 } = await fingerprintCheckpoint(request.reference, signalOf(hooks));
    if (sha256 !== manifest.source.sha256) throw otherSource(request, manifest.source.path);
    const cases = await openCases(reference, request, hooks);
    const { numLayers } = reference.checkpoint.config.decoder;
    const read = async (stage: Stage, model: StreamedModel) => {
      const residual = await model.read(cases, (layer) => report(stage, layer, numLayers));
      await report(stage, numLayers, numLayers);
      return residual;
    };
    const [ours, theirs] = [await read('prepared', prepared), await read('reference', reference)];
    const result = await compare({ cases, ours, theirs, prepared, reference, request }, (done, total) =>
      report('compare', done, total),
    );
    const fidelity: FidelityReport = {
      schema: 'fundus-lens.fidelity/1',
      preparedId: manifest.id,
      reference: { path: path.resolve(request.reference), sha256 },
      cases: cases.map(({ image, imagePath, prompt }) => ({
        image: path.basename(imagePath),
        imageSha256: image.sha256,
        prompt,
      })),
      ...result,
      provider: 'cpu',
      software: { name: 'fundus-lens', version: packageJson.version },
    };
    await writeReport(request.prepared, fidelity);
    return fidelity;
  } finally {
    await prepared.release();
    await reference.release();
  }
}

interface VerifiedCase extends StreamedCase {
  readonly imagePath: string;
}

async function openCases(
  model: StreamedModel,
  { images, prompts }: FidelityRequest,
  hooks: FidelityHooks,
): Promise<VerifiedCase[]> {
  if (images.length === 0 || prompts.length === 0) {
    throw new FundusLensError('input.invalid', 'There is nothing to compare the weights on.', {
      expected: 'at least one image and one prompt',
      found: `${images.length} images, ${prompts.length} prompts`,
      advice: 'Give both.',
    });
  }
  const cases: VerifiedCase[] = [];
  for (const [imageIndex, imagePath] of images.entries()) {
    const image = await preprocessImage(imagePath, model.checkpoint.imageProcessor, signalOf(hooks));
    for (const [promptIndex, prompt] of prompts.entries()) {
      const { tokenIds, imageSpan } = model.compose({ image, prompt });
      const [start, end] = imageSpan ?? [0, 0];
      // Nothing that follows changes a position: what an earlier case has shown already would be counted again.
      const first = promptIndex > 0 ? end : imageIndex > 0 ? start : 0;
      cases.push({ image, imagePath, prompt, rows: spread(first, tokenIds.length) });
    }
  }
  return cases;
}

/** Up to {@link maxPositions} of first … end − 1, in order, the last one always. */
function spread(first: number, end: number): number[] {
  const count = Math.min(end - first, maxPositions);
  const places = Array.from(
    { length: count },
    (_, index) => first + Math.round(((index + 1) * (end - first)) / count) - 1,
  );
  return [...new Set(places)];
}

interface Comparison {
  readonly cases: readonly VerifiedCase[];
  /** By case and layer, float32 [rows, D]. */
  readonly ours: readonly Float32Array[][];
  readonly theirs: readonly Float32Array[][];
  readonly prepared: StreamedModel;
  readonly reference: StreamedModel;
  readonly request: FidelityRequest;
}

type ComparisonResult = Pick<FidelityReport, 'positions' | 'layers' | 'summary' | 'emergence'>;

async function compare(
  { cases, ours, theirs, prepared, reference, request }: Comparison,
  onLayer: (done: number, total: number) => Promise<void>,
): Promise<ComparisonResult> {
  const concepts =
    request.conceptSet === undefined
      ? []
      : resolveConcepts(request.conceptSet, reference.checkpoint.tokenizer);
  const tokens = concepts.map((concept) => concept.tokens.map(({ id }) => id));
  const numLayers = ours[0]!.length;
  const tallies = Array.from({ length: numLayers }, () => new LayerTally());
  const atLast = cases.map(() => ({
    reference: [] as ConceptReading[][],
    prepared: [] as ConceptReading[][],
  }));
  for (const [layer, tally] of tallies.entries()) {
    await onLayer(layer, numLayers);
    for (const [index, { rows }] of cases.entries()) {
      const [mine, wanted] = [ours[index]![layer]!, theirs[index]![layer]!];
      for await (const [row, a, b] of unembedRows(reference, wanted, prepared, mine)) {
        const comparison = compareLogits(a, b, tokens);
        const { dModel } = reference.head;
        tally.add(comparison, relativeError(mine, wanted, row * dModel, (row + 1) * dModel));
        if (row < rows.length - 1) continue;
        atLast[index]!.reference.push(comparison.concepts.map((reading) => reading.reference));
        atLast[index]!.prepared.push(comparison.concepts.map((reading) => reading.prepared));
      }
    }
  }
  await onLayer(numLayers, numLayers);
  const emergence = concepts.flatMap(({ id }, concept) =>
    atLast.map((readings, index) => ({
      concept: id,
      case: index,
      reference: emergenceOf(readings.reference.map((layer) => layer[concept]!)),
      prepared: emergenceOf(readings.prepared.map((layer) => layer[concept]!)),
    })),
  );
  const changed = emergence.filter((one) => one.reference !== one.prepared);
  return {
    positions: cases.reduce((sum, { rows }) => sum + rows.length, 0),
    layers: tallies.map((tally, layer) => tally.finish(layer)),
    summary: { ...summarise(tallies), emergenceChanged: changed.length, emergenceCompared: emergence.length },
    emergence: changed,
  };
}

/** Row number, the reference's logits and the prepared weights' logits, each through its own head. */
async function* unembedRows(
  reference: StreamedModel,
  theirs: Float32Array,
  prepared: StreamedModel,
  ours: Float32Array,
): AsyncGenerator<[number, Float32Array, Float32Array]> {
  const { dModel, numTokens } = reference.head;
  for (let start = 0; start < theirs.length; start += rowsAtOnce * dModel) {
    const end = Math.min(theirs.length, start + rowsAtOnce * dModel);
    const skip = Array<boolean>((end - start) / dModel).fill(false);
    const a = await reference.head.unembed(theirs.slice(start, end), skip);
    const b = await prepared.head.unembed(ours.slice(start, end), skip);
    for (const row of skip.keys()) {
      const of = (logits: Float32Array) => logits.subarray(row * numTokens, (row + 1) * numTokens);
      yield [start / dModel + row, of(a), of(b)];
    }
  }
}

function summarise(tallies: readonly LayerTally[]) {
  const total = (value: (tally: LayerTally) => number) =>
    tallies.reduce((sum, tally) => sum + value(tally), 0);
  const rows = total((tally) => tally.rows);
  const correlated = total((tally) => tally.correlated);
  return {
    top1Agreement: share(
      total((tally) => tally.same),
      rows,
    ),
    top1AgreementClear: share(
      total((tally) => tally.clearSame),
      total((tally) => tally.clearRows),
    ),
    worstLayerTop1Agreement: Math.min(...tallies.map((tally) => share(tally.same, tally.rows))),
    meanKl: total((tally) => tally.klSum) / rows,
    conceptRankCorrelation: correlated === 0 ? null : total((tally) => tally.correlationSum) / correlated,
  };
}

/** By rank alone, so that rounding is judged by the same limit on both sides; whether anything is readable is not asked. */
function emergenceOf(readings: readonly ConceptReading[]): number | null {
  return findEmergence({
    ranks: Int32Array.from(readings, ({ rank }) => rank),
    logProbs: Float32Array.from(readings, ({ logProb }) => logProb),
    numLayers: readings.length,
    numPositions: 1,
    controlLogOdds: null,
  }).layers[0]!;
}

function relativeError(a: Float32Array, b: Float32Array, start: number, end: number): number {
  let difference = 0;
  let norm = 0;
  for (let index = start; index < end; index++) {
    difference += (a[index]! - b[index]!) ** 2;
    norm += b[index]! ** 2;
  }
  return norm === 0 ? 0 : Math.sqrt(difference / norm);
}

async function writeReport(folder: string, report: FidelityReport): Promise<void> {
  const file = path.join(folder, preparedFiles.fidelity);
  await writeFile(`${file}.part`, `${JSON.stringify(report, null, 1)}\n`);
  await rename(`${file}.part`, file);
}

function signalOf({ signal }: FidelityHooks): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function wrongWayRound({ prepared, reference }: FidelityRequest): FundusLensError {
  return new FundusLensError(
    'input.invalid',
    'A prepared model is compared with the checkpoint it was made from.',
    {
      expected: 'a prepared folder, and a reference that is none',
      found: `${prepared} and ${reference}`,
      advice: 'Give the prepared folder first and the original checkpoint with --against.',
    },
  );
}

function otherSource({ prepared, reference }: FidelityRequest, source: string): FundusLensError {
  return new FundusLensError('input.invalid', `${prepared} was not made from ${reference}.`, {
    expected: `the checkpoint from ${source}`,
    found: 'other weights',
    advice: 'Compare with the checkpoint that the model was prepared from.',
  });
}
