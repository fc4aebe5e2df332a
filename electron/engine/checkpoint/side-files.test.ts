import { cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readChatTemplate } from './chat-template.ts';
import { openCheckpoint } from './open-checkpoint.ts';
import { readTokenizer } from './tokenizer.ts';

const honest = path.resolve('data/fixtures/checkpoints/qwen2-vl-tied-f16');
let folder: string;

beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(tmpdir(), 'модель ')), 'checkpoint');
  cpSync(honest, folder, { recursive: true });
});

afterEach(() => {
  rmSync(path.dirname(folder), { recursive: true });
});

const change = (name: string, edit: (json: Record<string, unknown>) => void) => {
  const file = path.join(folder, name);
  const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  edit(json);
  writeFileSync(file, JSON.stringify(json));
};

const error = (code: string, pattern: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(pattern) as string }) as Error;

describe('a checkpoint whose small files ask for too much', () => {
  it.each([
    ['max_pixels 1e15', { size: null, min_pixels: 3136, max_pixels: 1e15 }, /at most \d+ pixels/],
    ['min_pixels 1e15', { size: null, min_pixels: 1e15, max_pixels: 1e15 }, /at most \d+ pixels/],
    ['the sides 1e15', { size: { shortest_edge: 1, longest_edge: 1e15 } }, /at most \d+ pixels/],
    ['min above max', { size: null, min_pixels: 5000, max_pixels: 4000 }, /min_pixels 5000/],
    ['min_pixels 1e8', { size: null, min_pixels: 1e8, max_pixels: 1e9 }, /to which small images/],
    ['cells of 100', { merge_size: 100 }, /at most 4/],
    ['patches of 1e9', { patch_size: 1e9 }, /at most 64/],
    ['no spread', { image_std: [0, 1, 1] }, /image_std/],
  ])('is refused for %s', async (_, fields, pattern) => {
    change('preprocessor_config.json', (json) => Object.assign(json, fields));
    await expect(openCheckpoint(folder)).rejects.toThrow(error('model.config-invalid', pattern));
  });

  it.each([
    ['chat_template.jinja', 'model.chat-template', /at most 1.0 MiB/],
    ['config.json', 'model.config-invalid', /at most 4.0 MiB/],
    ['generation_config.json', 'model.config-invalid', /at most 4.0 MiB/],
    ['tokenizer.json', 'model.tokenizer-invalid', /at most 128.0 MiB/],
    ['tokenizer_config.json', 'model.tokenizer-invalid', /at most 128.0 MiB/],
  ])('is refused for a %s of 200 MiB, unread', async (name, code, pattern) => {
    truncateSync(path.join(folder, name), 200 * 2 ** 20);
    await expect(openCheckpoint(folder)).rejects.toThrow(error(code, pattern));
  });

  it.each(['[', '3', 'null'])('is refused for a generation_config.json of %s', async (text) => {
    writeFileSync(path.join(folder, 'generation_config.json'), text);
    await expect(openCheckpoint(folder)).rejects.toThrow(error('model.config-invalid', /generation_config/));
  });

  it('is refused for a normaliser that doubles every text 40 times', async () => {
    change('tokenizer.json', (json) => {
      const double = { type: 'Replace', pattern: { String: 'a' }, content: 'aa' };
      json['normalizer'] = { type: 'Sequence', normalizers: Array<object>(40).fill(double) };
    });
    await expect(readTokenizer(folder)).rejects.toThrow(
      error('model.tokenizer-invalid', /at most 100 times/),
    );
  });

  it('is not refused for a normaliser that released models have', async () => {
    change('tokenizer.json', (json) => {
      const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
      const collapse = { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' };
      const normalizers = [{ type: 'Prepend', prepend: '▁' }, { type: 'NFC' }, collapse, replace];
      json['normalizer'] = { type: 'Sequence', normalizers };
    });
    expect((await readTokenizer(folder)).encode('a b').length).toBeGreaterThan(0);
  });
});

describe('an expression that keeps its reader busy', () => {
  it('is interrupted in a tokenizer', async () => {
    change('tokenizer.json', (json) => {
      json['pre_tokenizer'] = {
        type: 'Split',
        pattern: { Regex: '(a+)+$' },
        behavior: 'Isolated',
        invert: false,
      };
    });
    const tokenizer = await readTokenizer(folder);
    expect(() => tokenizer.encode(`${'a'.repeat(60)}!`)).toThrow(
      error('model.tokenizer-invalid', /within 5 s/),
    );
    // The engine goes on.
    expect(tokenizer.encode('b')).toHaveLength(1);
  });

  it('is interrupted in a template', async () => {
    const loop = '{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}';
    writeFileSync(path.join(folder, 'chat_template.jinja'), loop);
    const render = await readChatTemplate(folder);
    expect(() => render('x', true)).toThrow(error('model.chat-template', /within 2 s/));
  });

  it('that lists a billion numbers is refused before it has them', async () => {
    writeFileSync(path.join(folder, 'chat_template.jinja'), '{% for i in range(1000000000) %}x{% endfor %}');
    const render = await readChatTemplate(folder);
    expect(() => render('x', true)).toThrow(error('model.chat-template', /longer than 10000 numbers/));
    writeFileSync(
      path.join(folder, 'chat_template.jinja'),
      '{% for i in range(1, 8, 3) %}{{ i }},{% endfor %}',
    );
    expect((await readChatTemplate(folder))('x', true)).toBe('1,4,7,');
  });

  it('that fails only with a text is an error about the tokenizer', async () => {
    change('tokenizer.json', (json) => {
      json['pre_tokenizer'] = { type: 'Split', pattern: { Regex: 'a' }, behavior: [], invert: false };
    });
    const tokenizer = await readTokenizer(folder);
    expect(() => tokenizer.encode('a b')).toThrow(error('model.tokenizer-invalid', /cannot be used/));
  });
});
