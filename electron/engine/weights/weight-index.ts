import { realpath } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { readSafetensorsHeader, type TensorView } from './safetensors.ts';
import { readSideFile } from './side-file.ts';

const shardIndexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * Finds the weights of a checkpoint folder, one file or shards, behind links or not.
 *
 * @returns every tensor of the checkpoint by its name in the files; `file` is always a real path
 * @throws FundusLensError `model.not-a-checkpoint` without weights, `model.tensor-missing` when a shard that
 *   the index names is absent or lacks a tensor, and whatever {@link readSafetensorsHeader} throws
 */
export async function readWeightIndex(folder: string): Promise<Map<string, TensorView>> {
  const indexFile = path.join(folder, 'model.safetensors.index.json');
  if (existsSync(indexFile)) return readShards(folder, indexFile);
  const single = path.join(folder, 'model.safetensors');
  if (existsSync(single)) return readSafetensorsHeader(await realpath(single));
  const names = readdirSync(folder);
  throw new FundusLensError('model.not-a-checkpoint', `No weights in the folder ${folder}.`, {
    expected: 'model.safetensors, or model.safetensors.index.json with its shards',
    found: describeFolder(names),
    advice: 'Choose the folder that holds config.json and the *.safetensors files of the checkpoint.',
  });
}

async function readShards(folder: string, indexFile: string): Promise<Map<string, TensorView>> {
  const text = await readSideFile(indexFile, limits.models.indexBytes, 'model.weights-invalid');
  const parsed = shardIndexSchema.safeParse(parseJson(text ?? ''));
  if (!parsed.success) {
    throw new FundusLensError('model.weights-invalid', `${indexFile} is not a shard index.`, {
      expected: 'a JSON object with "weight_map": { tensor name: file name }',
      found: z.prettifyError(parsed.error),
      advice: 'Download or copy the file again.',
    });
  }
  const weightMap = parsed.data.weight_map;
  const views = new Map<string, TensorView>();
  for (const shard of new Set(Object.values(weightMap))) {
    for (const [name, view] of await readShard(folder, shard)) {
      if (views.has(name)) {
        throw new FundusLensError('model.weights-invalid', `Tensor "${name}" is in more than one shard.`, {
          expected: 'every tensor in exactly one shard',
          found: `${views.get(name)!.file} and ${view.file}`,
          advice: 'Remove shards that belong to another download of the checkpoint.',
        });
      }
      views.set(name, view);
    }
  }
  const missing = Object.keys(weightMap).filter((name) => !views.has(name));
  if (missing.length > 0) {
    throw new FundusLensError('model.tensor-missing', 'A shard lacks tensors that the index promises.', {
      expected: `${missing.length} tensor(s): ${listNames(missing)}`,
      found: 'no such tensor in the shard the index names',
      advice: 'Download the shards again; they may come from different versions.',
    });
  }
  return views;
}

async function readShard(folder: string, shard: string): Promise<Map<string, TensorView>> {
  const file = path.join(folder, shard);
  if (path.basename(shard) !== shard || !existsSync(file)) {
    throw new FundusLensError('model.tensor-missing', `The shard ${shard} is not in ${folder}.`, {
      expected: 'every file that model.safetensors.index.json names, beside it',
      found: describeFolder(readdirSync(folder)),
      advice: 'Finish the download, or copy the missing file into the folder.',
    });
  }
  return readSafetensorsHeader(await realpath(file));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Names that a checkpoint's folder has; any other may be the name of a patient. */
const checkpointNames =
  /^(?:config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|chat_template|prepared)\.json$|^chat_template\.jinja$|\.safetensors(?:\.index\.json)?$/;

/** What is in a folder that should be a checkpoint, without the names of files that belong to none. */
export function describeFolder(names: readonly string[]): string {
  if (names.length === 0) return 'an empty folder';
  const known = names.filter((name) => checkpointNames.test(name));
  const others = names.length - known.length;
  if (known.length === 0) return `${others} files or folders, none of them of a checkpoint`;
  return others === 0 ? listNames(known) : `${listNames(known)}, and ${others} that are not of a checkpoint`;
}

/** The first names of a list and how many more there are. */
export function listNames(names: readonly string[], shown = 8): string {
  const head = names.slice(0, shown).join(', ');
  return names.length > shown ? `${head} and ${names.length - shown} more` : head;
}
