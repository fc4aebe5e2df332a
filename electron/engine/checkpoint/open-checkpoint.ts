import { existsSync, readdirSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { FundusLensError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { PreparedManifest } from '../../contract/models/prepared-model.ts';
import { z } from 'zod';
import { findFamily } from '../families/registry.ts';
import type { Family } from '../families/shared/family.ts';
import type { ModelConfig } from '../families/shared/model-config.ts';
import { WeightSource } from '../weights/weight-source.ts';
import type { ImageProcessor } from '../image/image-processor.ts';
import { readChatTemplate, type ChatTemplate } from './chat-template.ts';
import { isPreparedFolder, readPreparedManifest, readPreparedTensors } from './prepared-folder.ts';
import type { TensorView } from '../weights/safetensors.ts';
import { readSideFile } from '../weights/side-file.ts';
import { readRows } from '../weights/tensor-reader.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { describeFolder, readWeightIndex } from '../weights/weight-index.ts';

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
    readImageProcessor(folder, family, config),
  ]);
  const prepared = isPreparedFolder(folder) ? await readPreparedManifest(folder) : null;
  const weights = new WeightSource(
    prepared === null
      ? await readPublishedTensors(folder, family)
      : await readPreparedTensors(folder, prepared),
  );
  const tied = config.tiedUnembedding ?? !weights.has(untiedName);
  if (tied && prepared === null && weights.has(untiedName)) refuseOtherHead(weights, folder);
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

/** Rows, spread over the vocabulary, that are compared of two heads. */
const comparedRows = 1024;

/**
 * A file that calls the unembedding tied and holds another one contradicts itself: the model that was trained may be either,
 * and the lens would agree with whichever is taken.
 *
 * @throws FundusLensError `model.config-invalid`
 */
function refuseOtherHead(weights: WeightSource, folder: string): void {
  const [embedding, head] = [weights.view(embeddingName), weights.view(untiedName)];
  const numRows = Math.min(embedding.shape[0]!, head.shape[0]!);
  const count = Math.min(comparedRows, numRows);
  const rows = Array.from({ length: count }, (_, index) => Math.floor((index * numRows) / count));
  const [a, b] = [readRows(embedding, rows), readRows(head, rows)];
  if (a.length === b.length && a.every((value, index) => value === b[index])) return;
  throw new FundusLensError(
    'model.config-invalid',
    'The checkpoint contradicts itself about its unembedding.',
    {
      expected:
        'no lm_head.weight, or one equal to the embedding, since config.json says tie_word_embeddings: true',
      found: `another lm_head.weight in ${folder}`,
      advice:
        'Set tie_word_embeddings to false if the weights were trained with their own head, or remove lm_head.weight.',
    },
  );
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
      found: describeFolder(names),
      advice: 'Choose the folder that holds config.json and the weights.',
    });
  }
  try {
    const json: unknown = JSON.parse((await readSideText(file)) ?? '');
    return z.record(z.string(), z.unknown()).parse(json);
  } catch (cause) {
    if (cause instanceof FundusLensError) throw cause;
    throw new FundusLensError('model.config-invalid', `${file} is not a JSON object.`, {
      expected: 'the config.json of a checkpoint',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Download the file again.',
      cause,
    });
  }
}

function readSideText(file: string): Promise<string | undefined> {
  return readSideFile(file, limits.models.configBytes, 'model.config-invalid');
}

function imageProcessorOf(json: unknown): unknown {
  return z.object({ image_processor: z.unknown() }).safeParse(json).data?.image_processor ?? json;
}

/**
 * preprocessor_config.json, or where there is none the `image_processor` of processor_config.json, which is all that
 * transformers 5 saves.
 *
 * @throws FundusLensError `model.config-invalid` when neither file is there or a field is missing
 */
async function readImageProcessor(
  folder: string,
  family: Family,
  config: ModelConfig,
): Promise<ImageProcessor> {
  const own = path.join(folder, 'preprocessor_config.json');
  const joint = path.join(folder, 'processor_config.json');
  const ownText = await readSideText(own);
  const text = ownText ?? (await readSideText(joint));
  const file = ownText === undefined && text !== undefined ? joint : own;
  try {
    const json = parseJson(text);
    return family.parseImageProcessor(file === joint ? imageProcessorOf(json) : json, config);
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new FundusLensError(
      'model.config-invalid',
      'The checkpoint does not say how images are prepared.',
      {
        expected: `${file} of a ${family.title} image processor`,
        found: text === undefined ? 'neither it nor processor_config.json' : problem,
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
  const file = path.join(folder, 'generation_config.json');
  const text = await readSideText(file);
  const generation =
    text === undefined ? {} : z.record(z.string(), z.unknown()).safeParse(parseJson(text)).data;
  if (generation === undefined) {
    throw new FundusLensError('model.config-invalid', `${file} is not a JSON object.`, {
      expected: 'the generation_config.json of a checkpoint, or none',
      found: 'something else',
      advice: 'Download the file again.',
    });
  }
  const textConfig = (config['text_config'] ?? {}) as Record<string, unknown>;
  const ids = generation['eos_token_id'] ?? config['eos_token_id'] ?? textConfig['eos_token_id'] ?? [];
  return [ids].flat().filter((id): id is number => typeof id === 'number');
}
