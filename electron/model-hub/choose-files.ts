import { FundusLensError } from '../contract/errors.ts';
import type { ExpectedFile } from './content-hash.ts';

/** Small files that decide how a checkpoint computes, or under which terms. */
const small =
  /^(config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|chat_template)\.json$|^(chat_template\.jinja|model\.safetensors\.index\.json|LICENSE(\.\w+)?|README\.md)$/i;
const weights = /^[\w.-]+\.safetensors$/;
const required = ['config.json', 'tokenizer.json'];
/** One of the two says how images are prepared. */
const processors = ['preprocessor_config.json', 'processor_config.json'];
const largestSmallFile = 64 * 2 ** 20;

export interface ChosenFiles {
  /** Settings, tokenizer and terms; fetched first. */
  readonly small: readonly ExpectedFile[];
  /** Every safetensors file at the top; an index says which of them are wanted. */
  readonly weights: readonly ExpectedFile[];
}

/**
 * Chooses what a checkpoint needs of a repository, and refuses one that cannot become a model by its list of files alone.
 *
 * @throws FundusLensError `model.not-a-checkpoint`
 */
export function chooseFiles(files: readonly ExpectedFile[]): ChosenFiles {
  const chosen = {
    small: files.filter(({ name }) => small.test(name)),
    weights: files.filter(({ name }) => weights.test(name)),
  };
  const names = new Set(files.map(({ name }) => name));
  const missing = required.filter((name) => !names.has(name));
  if (!processors.some((name) => names.has(name))) missing.push(processors[0]!);
  if (chosen.weights.length === 0) missing.push('*.safetensors');
  if (missing.length > 0) {
    throw new FundusLensError('model.not-a-checkpoint', 'This is no checkpoint that can be used.', {
      expected: 'config.json, tokenizer.json, preprocessor_config.json and *.safetensors',
      found: `no ${missing.join(', no ')}${describeOther(files)}`,
      advice: 'Choose the original checkpoint in safetensors format, not a conversion of it.',
    });
  }
  const large = chosen.small.find(({ bytes }) => bytes > largestSmallFile);
  if (large !== undefined) {
    throw new FundusLensError('model.not-a-checkpoint', `${large.name} is too large to be what it says.`, {
      expected: `at most ${largestSmallFile} bytes`,
      found: `${large.bytes} bytes`,
      advice: 'Choose another checkpoint.',
    });
  }
  return chosen;
}

/**
 * The weights that the index names; without an index, the one file of the usual name.
 *
 * @param index content of model.safetensors.index.json; null when there is none
 * @throws FundusLensError `model.weights-invalid`, `model.tensor-missing`
 */
export function chooseShards(files: readonly ExpectedFile[], index: string | null): readonly ExpectedFile[] {
  const wanted = index === null ? ['model.safetensors'] : shardsOf(index);
  const missing = wanted.filter((name) => !files.some((file) => file.name === name));
  if (missing.length === 0) return files.filter(({ name }) => wanted.includes(name));
  throw new FundusLensError('model.tensor-missing', 'Files with weights are missing.', {
    expected: wanted.join(', '),
    found: `no ${missing.join(', no ')}`,
    advice: 'Choose another revision, or the original checkpoint.',
  });
}

function shardsOf(index: string): string[] {
  try {
    const { weight_map: map } = JSON.parse(index) as { weight_map: Record<string, unknown> };
    const names = [...new Set(Object.values(map))];
    if (names.length > 0 && names.every((name) => typeof name === 'string' && weights.test(name))) {
      return names as string[];
    }
  } catch {
    // told below
  }
  throw new FundusLensError(
    'model.weights-invalid',
    'model.safetensors.index.json is not an index of weights.',
    {
      expected: 'a JSON object with "weight_map": { tensor name: file name }',
      found: index.slice(0, 80),
      advice: 'Choose another revision.',
    },
  );
}

function describeOther(files: readonly ExpectedFile[]): string {
  const other = files.find(({ name }) => /\.(gguf|bin|pt|pth|onnx|h5|msgpack)$/i.test(name));
  return other === undefined ? '' : `, but ${other.name}`;
}

/** Without hashes nobody can tell whether a file is the right one. @throws FundusLensError `hub.wrong-content` */
export function requireHashes(files: readonly ExpectedFile[]): void {
  const without = files.find(({ sha256, gitSha1 }) => sha256 === null && gitSha1 === null);
  if (without === undefined) return;
  throw new FundusLensError('hub.wrong-content', `The hub states no hash for ${without.name}.`, {
    expected: 'the SHA-256 or the git hash of every file',
    found: 'neither',
    advice: 'Use another address of the hub in the settings.',
  });
}
