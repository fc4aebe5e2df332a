import { existsSync } from 'node:fs';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { bundledPath } from '../../bundled/bundled-path.ts';

const demoModel = bundledPath('models', 'demo');
const sampleImage = bundledPath('data', 'samples', 'real', 'retina.jpg');

/** The photograph that is traced when none is named. @throws FundusLensError `image.unreadable` */
export function findSampleImage(): string {
  if (existsSync(sampleImage)) return sampleImage;
  throw new FundusLensError('image.unreadable', 'The sample photograph is not installed.', {
    expected: sampleImage,
    found: 'no such file',
    advice: 'Name an image to trace.',
  });
}

/** The folder of a model; the bundled one when none is named. @throws FundusLensError `model.not-found` */
export function findModel(modelDir: string | undefined): string {
  if (modelDir !== undefined) return path.resolve(modelDir);
  if (existsSync(demoModel)) return demoModel;
  throw new FundusLensError('model.not-found', 'The demonstration model is not installed.', {
    expected: demoModel,
    found: 'no such folder',
    advice: 'Name a checkpoint folder with --model.',
  });
}
