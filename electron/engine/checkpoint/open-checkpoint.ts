import { existsSync, readdirSync, statSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import type { PreparedManifest } from '../../contract/prepared-model.ts';
import { z } from 'zod';
import { findFamily } from '../families/registry.ts';
import type { Family } from '../families/shared/family.ts';
import type { ModelConfig } from '../families/shared/model-config.ts';
import { WeightSource } from '../weights/weight-source.ts';
import type { ImageProcessor } from '../image/image-processor.ts';
import { readChatTemplate, type ChatTemplate } from './chat-template.ts';
import { isPreparedFolder, readPreparedManifest, readPreparedTensors } from './prepared-folder.ts';
import type { TensorView } from '../weights/safetensors.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { listNames, readWeightIndex } from '../weights/weight-index.ts';

/** A checkpoint folder, read and checked but for the weights' values. */
export interface Checkpoint {
  readonly folder: string;
  readonly id: string;
  readonly family: Family;
  readonly config: ModelConfig;
  readonly weights: WeightSource;
  readonly tokenizer: Tokenizer;
  readonly renderPrompt: ChatTemplate;
  readonly imageProcessor: ImageProcessor;
  /** Tokens that end generation. */
  readonly endTokenIds: readonly number[];
  /** Token embedding, [V, D]. */
  readonly embedding: TensorView;
  /** Canonical name of the unembedding. */
  readonly unembedding: string;
  /** What the weights were prepared as; null for weights as they were published. */
  readonly prepared: PreparedManifest | null;
}

const embeddingName = 'model.embed_tokens.weight';
const untiedName = 'lm_head.weight';

/**
 * Opens a checkpoint as Hugging Face lays it out. Reads only small files and the weight files' headers.
 *
 * @throws FundusLensError with a `model.*` code that says what is wrong with the folder
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const json = await readConfig(folder);
  const family = findFamily(json['model_type']);
  const config = family.parseConfig(json);
  const [tokenizer, renderPrompt, imageProcessor] = await Promise.all([
    readTokenizer(folder),
    readChatTemplate(folder),
    readImageProcessor(folder, family),
  ]);
  const prepared = isPreparedFolder(folder) ? await readPreparedManifest(folder) : null;
  const weights = new WeightSource(
    prepared === null
      ? await readPublishedTensors(folder, family)
      : await readPreparedTensors(folder, prepared),
  );
  const tied = config.tiedUnembedding ?? !weights.has(untiedName);
  weights.take(embeddingName, [config.decoder.vocabSize, config.decoder.dModel]);
  return {
    folder,
    id: path.basename(await realpath(folder)),
    family,
    config,
    weights,
    tokenizer,
    renderPrompt,
    imageProcessor,
    endTokenIds: await readEndTokens(folder, json),
    embedding: weights.view(embeddingName),
    unembedding: tied ? embeddingName : untiedName,
    prepared,
  };
}

/** The weights' format as a trace names it. */
export function describeWeights({ prepared, embedding }: Checkpoint): string {
  if (prepared === null) return embedding.dtype;
  const { format, blockSize, symmetric, keep } = prepared;
  if (format === 'float16') return format;
  const kept = `unembedding ${keep.unembedding}, vision ${keep.vision}`;
  return `${format} (blocks of ${blockSize}, ${symmetric ? 'symmetric' : 'asymmetric'}; ${kept})`;
}

async function readPublishedTensors(folder: string, family: Family): Promise<Map<string, TensorView>> {
  const views = new Map<string, TensorView>();
  for (const view of (await readWeightIndex(folder)).values()) {
    const name = family.canonicalTensorName(view.name);
    views.set(name, { ...view, name });
  }
  return views;
}

/** Tensors that a file may carry without use: a tied unembedding and rotary buffers of older saves. */
export function isIgnorableTensor(name: string): boolean {
  return name === untiedName || name.endsWith('.inv_freq');
}

async function readConfig(folder: string): Promise<Record<string, unknown>> {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new FundusLensError('model.not-found', `There is no model folder ${folder}.`, {
      expected: 'a folder with config.json, *.safetensors and tokenizer.json',
      found: existsSync(folder) ? 'a file' : 'nothing at this path',
      advice: 'Give the folder that holds the checkpoint with --model.',
    });
  }
  const file = path.join(folder, 'config.json');
  if (!existsSync(file)) {
    const names = readdirSync(folder);
    throw new FundusLensError('model.not-a-checkpoint', `${folder} is not a checkpoint.`, {
      expected: 'a folder with config.json, *.safetensors and tokenizer.json',
      found: names.length === 0 ? 'an empty folder' : listNames(names),
      advice: 'Choose the folder that holds config.json and the weights.',
    });
  }
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    throw new FundusLensError('model.config-invalid', `${file} is not JSON.`, {
      expected: 'the config.json of a checkpoint',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Download the file again.',
      cause,
    });
  }
}

/** @throws FundusLensError `model.config-invalid` when the file is missing or lacks a field */
async function readImageProcessor(folder: string, family: Family): Promise<ImageProcessor> {
  const file = path.join(folder, 'preprocessor_config.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  try {
    return family.parseImageProcessor(parseJson(text));
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new FundusLensError(
      'model.config-invalid',
      'The checkpoint does not say how images are prepared.',
      {
        expected: `${file} of a ${family.title} image processor`,
        found: text === undefined ? 'no such file' : problem,
        advice: 'Copy preprocessor_config.json of the same checkpoint into the folder.',
        cause,
      },
    );
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readEndTokens(folder: string, config: Record<string, unknown>): Promise<number[]> {
  const text = await readFile(path.join(folder, 'generation_config.json'), 'utf8').catch(() => '{}');
  const generation = JSON.parse(text) as Record<string, unknown>;
  const textConfig = (config['text_config'] ?? {}) as Record<string, unknown>;
  const ids = generation['eos_token_id'] ?? config['eos_token_id'] ?? textConfig['eos_token_id'] ?? [];
  return [ids].flat().filter((id): id is number => typeof id === 'number');
}
