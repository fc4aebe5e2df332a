import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** What is needed of config.json. */
interface Config {
  readonly vision_config: {
    readonly patch_size: number;
    readonly temporal_patch_size: number;
    readonly spatial_merge_size: number;
    readonly out_hidden_size: number;
  };
}

/**
 * A checkpoint of the family of add-a-family.ts: the decoder and the tokenizer of a Qwen2.5-VL checkpoint, and a linear layer
 * of seeded random numbers in place of its vision tower.
 *
 * @param source folder with one model.safetensors
 * @param target is created; files of the same names are replaced
 */
export async function writeToyCheckpoint(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const file of [
    'tokenizer.json',
    'tokenizer_config.json',
    'chat_template.jinja',
    'preprocessor_config.json',
    'generation_config.json',
  ])
    await copyFile(join(source, file), join(target, file));
  const config = JSON.parse(await readFile(join(source, 'config.json'), 'utf8')) as Config;
  const { patch_size, temporal_patch_size, spatial_merge_size, out_hidden_size } = config.vision_config;
  const vision_config = { patch_size, temporal_patch_size, spatial_merge_size, out_hidden_size };
  await writeFile(
    join(target, 'config.json'),
    JSON.stringify({ ...config, model_type: 'toy_vl', vision_config }),
  );

  const cellWidth = 3 * temporal_patch_size * (patch_size * spatial_merge_size) ** 2;
  const weights = await readFile(join(source, 'model.safetensors'));
  const headerBytes = Number(weights.readBigUInt64LE(0));
  const tensors = JSON.parse(weights.toString('utf8', 8, 8 + headerBytes)) as Record<string, Entry>;
  const header: Record<string, Entry> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  const add = (name: string, dtype: string, shape: readonly number[], bytes: Uint8Array) => {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    parts.push(bytes);
  };
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(tensors)) {
    if (name === '__metadata__' || /(^|\.)visual\./.test(name)) continue;
    const [start, end] = data_offsets.map((place) => 8 + headerBytes + place) as [number, number];
    add(name, dtype, shape, weights.subarray(start, end));
  }
  const kernel = randomNumbers(out_hidden_size * cellWidth, 1 / Math.sqrt(cellWidth));
  add('visual.proj.weight', 'F32', [out_hidden_size, cellWidth], new Uint8Array(kernel.buffer));
  add('visual.proj.bias', 'F32', [out_hidden_size], new Uint8Array(4 * out_hidden_size));
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(join(target, 'model.safetensors'), Buffer.concat([length, json, ...parts]));
}

/** Uniform, of this standard deviation, the same in every run. */
function randomNumbers(count: number, deviation: number): Float32Array {
  let state = 7;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) * Math.sqrt(12) * deviation;
  });
}
