import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  existsSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import type { TraceWarning } from '../engine/lens-trace/warnings.ts';
import { checkpoint, copyCheckpoint, fixtures, runCli } from './test-cli.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens-bad-'));
afterAll(() => rmSync(folder, { recursive: true }));
const outputs = path.join(folder, 'outputs');
mkdirSync(outputs);

const square = path.join(fixtures, 'images', 'square-112x112.png');
let numCheckpoints = 0;

function at(name: string): string {
  return path.join(folder, name);
}

/** Runs a trace that must fail: exit code 2, the code on stderr, nothing on stdout, and no file written. */
async function expectRefused(code: string, args: readonly string[]): Promise<string> {
  const json = path.join(outputs, 'trace.json');
  const dump = path.join(outputs, 'dump.safetensors');
  const given = args.includes('--json') || args.includes('--dump') ? [] : ['--json', json, '--dump', dump];
  const { exitCode, stdout, stderr } = await runCli(['trace', ...args, ...given]);
  expect(stderr).toContain(`[${code}]`);
  expect(stderr).toMatch(/what to do:/);
  expect(stdout).toBe('');
  expect(exitCode).toBe(2);
  expect(readdirSync(outputs)).toEqual([]);
  return stderr;
}

function refuseImage(code: string, file: string): Promise<string> {
  return expectRefused(code, [file, '--model', checkpoint, '--provider', 'cpu']);
}

function refuseModel(code: string, spoil: (model: string) => void): Promise<string> {
  const model = copyCheckpoint(at(`model ${++numCheckpoints}`));
  spoil(model);
  return expectRefused(code, [square, '--model', model, '--provider', 'cpu']);
}

function editJson(file: string, edit: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  edit(json);
  writeFileSync(file, JSON.stringify(json));
}

interface StoredTensor {
  readonly dtype: string;
  shape: number[];
  readonly data: Uint8Array;
}

/** Rewrites model.safetensors with other tensors. */
function editTensors(model: string, edit: (tensors: Map<string, StoredTensor>) => void): void {
  const file = path.join(model, 'model.safetensors');
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [first, end],
          },
        ]) => [name, { dtype, shape, data: bytes.subarray(start + first, start + end) }],
      ),
  );
  edit(tensors);
  let offset = 0;
  const entries = Array.from(tensors, ([name, { dtype, shape, data }]) => {
    const first = offset;
    offset += data.length;
    return [name, { dtype, shape, data_offsets: [first, offset] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(file, Buffer.concat([prefix, json, ...Array.from(tensors.values(), ({ data }) => data)]));
}

describe('images', () => {
  test('not an image, and no file at all', async () => {
    writeFileSync(at('letter.jpg'), 'This is a letter.');
    await refuseImage('image.unreadable', at('letter.jpg'));
    await refuseImage('image.unreadable', at('missing.jpg'));
  });

  test('a truncated JPEG', async () => {
    const jpeg = await sharp(square).jpeg().toBuffer();
    writeFileSync(at('cut.jpg'), jpeg.subarray(0, Math.floor(jpeg.length / 2)));
    await refuseImage('image.truncated', at('cut.jpg'));
  });

  test('a PNG header of 60,000 × 60,000 pixels', async () => {
    const chunk = Buffer.alloc(25);
    chunk.writeUInt32BE(13, 0);
    chunk.write('IHDR', 4, 'latin1');
    chunk.writeUInt32BE(60_000, 8);
    chunk.writeUInt32BE(60_000, 12);
    chunk.set([8, 2, 0, 0, 0], 16);
    chunk.writeUInt32BE(crc32(chunk.subarray(4, 21)), 21);
    writeFileSync(at('huge.png'), Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk]));
    await refuseImage('image.too-large', at('huge.png'));
  });

  test('an image of one pixel in height', async () => {
    await sharp({ create: { width: 500, height: 1, channels: 3, background: '#800' } }).toFile(
      at('line.png'),
    );
    await refuseImage('image.aspect-ratio', at('line.png'));
  });
});

describe('models', () => {
  test('no folder, and an empty one', async () => {
    mkdirSync(at('empty'));
    await expectRefused('model.not-found', [square, '--model', at('missing')]);
    await expectRefused('model.not-a-checkpoint', [square, '--model', at('empty')]);
  });

  test('a family that is not supported: those that are, are named', async () => {
    const stderr = await refuseModel('model.family-unsupported', (model) =>
      editJson(path.join(model, 'config.json'), (config) => (config['model_type'] = 'llava')),
    );
    expect(stderr).toContain('llava');
    expect(stderr).toContain('qwen2_vl');
    expect(stderr).toContain('qwen2_5_vl');
  });

  test('truncated weights', async () => {
    await refuseModel('model.weights-truncated', (model) =>
      truncateSync(path.join(model, 'model.safetensors'), 500_000),
    );
  });

  test('a header that is longer than the file', async () => {
    await refuseModel('model.weights-truncated', (model) => {
      const file = path.join(model, 'model.safetensors');
      const bytes = readFileSync(file);
      bytes.writeBigUInt64LE(2n ** 40n);
      writeFileSync(file, bytes);
    });
  });

  test('a tensor that is missing, one too many, and one of the wrong shape', async () => {
    const name = 'model.layers.1.mlp.up_proj.weight';
    const missing = await refuseModel('model.tensor-missing', (model) =>
      editTensors(model, (tensors) => tensors.delete(name)),
    );
    expect(missing).toContain('layers.1.mlp.up_proj.weight');
    const leftOver = await refuseModel('model.tensor-left-over', (model) =>
      editTensors(model, (tensors) => tensors.set('model.layers.1.mlp.extra.weight', tensors.get(name)!)),
    );
    expect(leftOver).toContain('layers.1.mlp.extra.weight');
    const shape = await refuseModel('model.tensor-shape', (model) =>
      editTensors(model, (tensors) => tensors.get(name)!.shape.reverse()),
    );
    expect(shape).toContain('layers.1.mlp.up_proj.weight');
  });

  test('no tokenizer', async () => {
    await refuseModel('model.tokenizer-missing', (model) => rmSync(path.join(model, 'tokenizer.json')));
  });

  test('a prompt without a place for the image, and one that is too long with it', async () => {
    await refuseModel('prompt.no-room-for-image', (model) =>
      editJson(path.join(model, 'chat_template.json'), (file) => {
        file['chat_template'] = String(file['chat_template']).replaceAll('<|image_pad|>', '');
      }),
    );
    await refuseModel('prompt.too-long', (model) =>
      editJson(path.join(model, 'config.json'), (config) => (config['max_position_embeddings'] = 40)),
    );
  });
});

describe('options', () => {
  const base = [square, '--model', checkpoint];

  test('unknown concepts and presets: those that exist are named', async () => {
    expect(await expectRefused('concepts.unknown', [...base, '--concepts', 'fundis'])).toContain('modality');
    expect(await expectRefused('prompt.unknown-preset', [...base, '--preset', 'poem'])).toContain('one-word');
  });

  test('a position behind the prompt, and more tokens than there are', async () => {
    await expectRefused('trace.positions', [...base, '--provider', 'cpu', '--positions', '0,9999']);
    await expectRefused('trace.top-k', [...base, '--provider', 'cpu', '--top-k', '601']);
  });

  test('options that contradict each other', async () => {
    await expectRefused('input.invalid', [...base, '--no-image']);
    await expectRefused('input.invalid', [...base, square]);
    await expectRefused('input.invalid', [...base, '--trace-generated', '--generate', '0']);
  });

  test('a provider that is not there; only auto falls back, and says so', async () => {
    await expectRefused('provider.unavailable', [...base, '--provider', 'cuda']);
    const { exitCode, stdout } = await runCli(['trace', ...base, '--json', '-']);
    expect(exitCode).toBe(0);
    const { model, warnings } = JSON.parse(stdout) as {
      model: { provider: string; providerRequested: string; providerFallback: string | null };
      warnings: TraceWarning[];
    };
    expect(model.providerRequested).toBe('auto');
    if (model.provider === 'cpu') expect(model.providerFallback).not.toBeNull();
    if (model.providerFallback !== null) {
      const params = { provider: model.provider, reason: model.providerFallback };
      expect(warnings).toContainEqual({ code: 'provider-fallback', params });
    }
  });
});

describe('outputs', () => {
  const base = [square, '--model', checkpoint, '--provider', 'cpu'];

  test('places that cannot be written are refused before any work', async () => {
    for (const option of ['--json', '--dump']) {
      await expectRefused('output.unwritable', [...base, option, path.join(outputs, 'missing', 'x')]);
      await expectRefused('output.unwritable', [...base, option, folder]);
    }
  });

  test.runIf(existsSync('/dev/full'))('a full disk', async () => {
    const stderr = await expectRefused('output.unwritable', [...base, '--json', '/dev/full']);
    expect(stderr).toContain('the disk is full');
  });
});
