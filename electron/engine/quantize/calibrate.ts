import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { open, rename, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { CalibrationRequest, PreparedManifest } from '../../contract/models/prepared-model.ts';
import { FundusLensError } from '../../contract/errors.ts';
import { StreamedModel, type StreamedCase } from '../fidelity/streamed-model.ts';
import { preprocessImage } from '../image/preprocess.ts';
import { calibrationFile } from './calibration-file.ts';
import { factorMoments } from './error-feedback.ts';
import type { Journal } from './journal.ts';
import type { PreparePlan } from './plan.ts';

export type Calibration = NonNullable<PreparedManifest['calibration']>;

/** Image tokens that are looked at, at most: more positions of one photograph say little more about the weights. */
const maxImageTokens = 256;

/** Name of the journal's entry; no tensor has it. */
const entryName = '(calibration)';

/** The images as the manifest names them; what the weights become depends on them. */
export async function nameCalibration({ images, prompts }: CalibrationRequest): Promise<Calibration> {
  if (images.length === 0 || prompts.length === 0) {
    throw new FundusLensError('input.invalid', 'There is nothing to calibrate on.', {
      expected: 'at least one image and one prompt',
      found: `${images.length} images, ${prompts.length} prompts`,
      advice: 'Give both, or prepare without calibration.',
    });
  }
  const named = [];
  for (const image of images) named.push({ name: path.basename(image), sha256: await hashFile(image) });
  return { images: named, prompts: [...prompts] };
}

/**
 * Runs images through the checkpoint block by block and writes, at the ranges of the plan, what rounding needs to know of the
 * inputs of every matrix that is rounded to 4 bits: see `FeedbackFactors`, weights before shares. Each image is read
 * with one of the prompts, in turn. What an earlier try has written is used again.
 *
 * @param onLayer called before each block; may throw to end the work
 * @throws FundusLensError `model.*`, `image.*`
 */
export async function calibrate(
  source: string,
  request: CalibrationRequest,
  plan: PreparePlan,
  weightsFile: string,
  journal: Journal,
  onLayer: (done: number, total: number) => Promise<void>,
): Promise<void> {
  const file = calibrationFile(weightsFile);
  const known = journal.get(entryName)?.sha256;
  if (known !== undefined && existsSync(file) && (await hashFile(file)) === known) return;
  const model = await StreamedModel.open(source);
  const target = await open(`${file}.part`, 'w');
  try {
    const { numLayers } = model.checkpoint.config.decoder;
    const moments = new Map<string, Float64Array>();
    const cases = await openCases(model, request);
    await model.read(
      cases,
      async (layer) => {
        await flush(moments, plan, target);
        await onLayer(layer, numLayers);
      },
      (name, ofCase) => add(moments, name, ofCase),
    );
    await flush(moments, plan, target);
    await target.sync();
  } finally {
    await target.close();
    await model.release();
  }
  await rename(`${file}.part`, file);
  journal.add({ name: entryName, sha256: await hashFile(file), relativeError: 0 });
}

async function openCases(
  model: StreamedModel,
  { images, prompts }: CalibrationRequest,
): Promise<StreamedCase[]> {
  const { imageProcessor } = model.checkpoint;
  const { patchSize, mergeSize, minPixels, maxPixels } = imageProcessor;
  const enough = Math.max(minPixels, maxImageTokens * (patchSize * mergeSize) ** 2);
  const limited = { ...imageProcessor, maxPixels: Math.min(maxPixels, enough) };
  const cases: StreamedCase[] = [];
  for (const [index, file] of images.entries()) {
    const image = await preprocessImage(file, limited);
    const prompt = prompts[index % prompts.length]!;
    const last = model.compose({ image, prompt }).tokenIds.length - 1;
    cases.push({ image, prompt, rows: [last] });
  }
  return cases;
}

function add(moments: Map<string, Float64Array>, name: string, ofCase: Float32Array): void {
  const sums = moments.get(name);
  if (sums === undefined) {
    moments.set(name, Float64Array.from(ofCase));
    return;
  }
  for (let index = 0; index < sums.length; index++) sums[index]! += ofCase[index]!;
}

/** Writes a block's factors; only one block's moments are ever in memory. */
async function flush(
  moments: Map<string, Float64Array>,
  { factors }: PreparePlan,
  target: FileHandle,
): Promise<void> {
  for (const [name, sums] of moments) {
    const place = factors.get(name);
    if (place === undefined) continue;
    const { weights, shares } = factorMoments(sums, place.columns);
    await target.write(bytesOf(weights), 0, weights.byteLength, place.range.offset);
    await target.write(bytesOf(shares), 0, shares.byteLength, place.range.offset + weights.byteLength);
  }
  moments.clear();
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
