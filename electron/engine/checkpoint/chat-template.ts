import path from 'node:path';
import { Template } from '@huggingface/jinja';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { readSideFile } from '../weights/side-file.ts';
import { withinTime } from './within-time.ts';

/** Renders one user turn, with or without an image before the text, up to the assistant's first token. */
export type ChatTemplate = (prompt: string, withImage: boolean) => string;

/**
 * Finds the checkpoint's own template: chat_template.jinja, chat_template.json, or a field of
 * tokenizer_config.json, in this order, as transformers does.
 *
 * @throws FundusLensError `model.chat-template` when there is none or it cannot be rendered
 */
export async function readChatTemplate(folder: string): Promise<ChatTemplate> {
  const source =
    (await readText(path.join(folder, 'chat_template.jinja'))) ??
    templateField(await readText(path.join(folder, 'chat_template.json'))) ??
    templateField(await readText(path.join(folder, 'tokenizer_config.json'), limits.models.tokenizerBytes));
  if (source === undefined) {
    throw new FundusLensError('model.chat-template', 'The checkpoint has no chat template.', {
      expected: 'chat_template.jinja, chat_template.json, or "chat_template" in tokenizer_config.json',
      found: 'none of them',
      advice: 'Copy the chat template of the same checkpoint into the folder.',
    });
  }
  const template = compile(source);
  const bosToken = beginningToken(
    await readText(path.join(folder, 'tokenizer_config.json'), limits.models.tokenizerBytes),
  );
  return (prompt, withImage) => render(template, prompt, withImage, bosToken);
}

function compile(source: string): Template {
  if (source.length > limits.models.templateBytes) {
    throw new FundusLensError('model.chat-template', 'The checkpoint’s chat template is too large.', {
      expected: `at most ${limits.models.templateBytes} characters`,
      found: `${source.length} characters`,
      advice: 'Download the chat template of the same checkpoint again.',
    });
  }
  try {
    return withinTime(
      () => {
        const template = new Template(source);
        // A global of the renderer is not to be had otherwise than by a statement of the template.
        template.parsed.body.unshift(...new Template('{% set range = shortRange %}').parsed.body);
        return template;
      },
      limits.models.templating,
      tooSlow,
    );
  } catch (cause) {
    throw templateError(cause);
  }
}

function render(template: Template, prompt: string, withImage: boolean, bosToken: string): string {
  const content = [...(withImage ? [{ type: 'image' }] : []), { type: 'text', text: prompt }];
  const messages = [{ role: 'user', content }];
  const values = { messages, add_generation_prompt: true, bos_token: bosToken, shortRange };
  try {
    return withinTime(() => template.render(values), limits.models.templating, tooSlow);
  } catch (cause) {
    throw templateError(cause);
  }
}

/** Python's `range`, for lists that fit into memory: a prompt has a handful of messages. */
function shortRange(start: number, stop?: number, step?: number): number[] {
  const [from, to, by] = stop === undefined ? [0, start, 1] : [start, stop, step ?? 1];
  const count = Math.max(0, Math.ceil((to - from) / by));
  if (!(by !== 0 && count <= limits.models.templateRange)) {
    throw new RangeError(
      `range(${from}, ${to}, ${by}) is longer than ${limits.models.templateRange} numbers`,
    );
  }
  return Array.from({ length: count }, (_, index) => from + index * by);
}

function tooSlow(): FundusLensError {
  return new FundusLensError(
    'model.chat-template',
    'The checkpoint’s chat template does not come to an end.',
    {
      expected: `a prompt within ${limits.models.templating / 1000} s`,
      found: 'none by then',
      advice: 'Download the chat template of the same checkpoint again; do not use the model if it stays so.',
    },
  );
}

function templateError(cause: unknown): FundusLensError {
  if (cause instanceof FundusLensError) return cause;
  return new FundusLensError('model.chat-template', 'The checkpoint’s chat template cannot be rendered.', {
    expected: 'a Jinja template over messages with image and text parts',
    found: cause instanceof Error ? cause.message : String(cause),
    advice: 'Download the chat template of the same checkpoint again.',
    cause,
  });
}

function readText(file: string, maxBytes: number = limits.models.templateBytes): Promise<string | undefined> {
  return readSideFile(file, maxBytes, 'model.chat-template');
}

const tokenSchema = z.union([z.string(), z.looseObject({ content: z.string() })]);

/** What tokenizer_config.json says every text begins with; '' where it says nothing. */
function beginningToken(json: string | undefined): string {
  const found = tokenSchema.safeParse(
    z.looseObject({}).safeParse(parseQuietly(json)).data?.['bos_token'],
  ).data;
  return found === undefined ? '' : typeof found === 'string' ? found : found.content;
}

function parseQuietly(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

function templateField(json: string | undefined): string | undefined {
  const template = z.looseObject({}).safeParse(parseQuietly(json)).data?.['chat_template'];
  return typeof template === 'string' ? template : undefined;
}
