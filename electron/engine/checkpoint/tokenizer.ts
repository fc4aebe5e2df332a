import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { FundusLensError } from '../../contract/errors.ts';

/** The checkpoint's own tokenizer; ids are those of the embedding's rows. */
export interface Tokenizer {
  /** 1 + the largest id; logits from here on belong to no token. */
  readonly size: number;
  /** Encodes text without adding special tokens; special tokens written in the text become their id. */
  encode(text: string): number[];
  /** Text of a token sequence, without special tokens. */
  decode(ids: readonly number[]): string;
  /** One token as a person should see it: bytes that are no character of their own as ⟨hex⟩. */
  tokenText(id: number): string;
  idOf(token: string): number | undefined;
}

/**
 * @throws FundusLensError `model.tokenizer-missing` without tokenizer.json, `model.tokenizer-invalid` when it
 *   cannot be used
 */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const file = path.join(folder, 'tokenizer.json');
  const json = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new FundusLensError('model.tokenizer-missing', `The checkpoint has no tokenizer.`, {
      expected: file,
      found: 'no such file',
      advice: 'Copy tokenizer.json of the same checkpoint into the folder.',
      cause,
    });
  });
  const config = await readFile(path.join(folder, 'tokenizer_config.json'), 'utf8').catch(() => '{}');
  try {
    return createTokenizer(
      new HuggingFaceTokenizer(JSON.parse(json) as object, JSON.parse(config) as object),
    );
  } catch (cause) {
    throw new FundusLensError('model.tokenizer-invalid', `${file} cannot be used.`, {
      expected: 'a tokenizer.json as Hugging Face tokenizers writes it, and a valid tokenizer_config.json',
      found: cause instanceof Error ? cause.message : String(cause),
      advice: 'Download the two files again.',
      cause,
    });
  }
}

function createTokenizer(tokenizer: HuggingFaceTokenizer): Tokenizer {
  const vocabulary = tokenizer.get_vocab(true);
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const added = tokenizer.get_added_tokens_decoder();
  return {
    size,
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids.map(Number),
    decode: (ids) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    idOf: (token) => vocabulary.get(token),
    tokenText: (id) => {
      const token = added.get(id)?.content ?? tokenizer.id_to_token(id);
      if (token === undefined) return `⟨${id}⟩`;
      return added.has(id) ? token : showBytes(bytesOfToken(token));
    },
  };
}

/** Byte-level BPE writes every byte as one printable character; this is the way back. */
const byteOfCharacter = buildByteTable();

function buildByteTable(): Map<string, number> {
  const printable = [...range(0x21, 0x7e), ...range(0xa1, 0xac), ...range(0xae, 0xff)];
  const table = new Map(printable.map((byte) => [String.fromCodePoint(byte), byte]));
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    if (!printable.includes(byte)) table.set(String.fromCodePoint(next++), byte);
  }
  return table;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function bytesOfToken(token: string): Uint8Array {
  return Uint8Array.from(
    Array.from(token).flatMap((character) => {
      const byte = byteOfCharacter.get(character);
      return byte === undefined ? [...Buffer.from(character, 'utf8')] : [byte];
    }),
  );
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes the longest valid stretches and shows what remains of split characters as ⟨hex⟩. */
function showBytes(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length;) {
    const end = longestCharacter(bytes, start);
    if (end > start) {
      text += strictUtf8.decode(bytes.subarray(start, end));
      start = end;
    } else {
      text += `⟨${bytes[start]!.toString(16).padStart(2, '0')}⟩`;
      start += 1;
    }
  }
  return text;
}

function longestCharacter(bytes: Uint8Array, start: number): number {
  for (let length = 1; length <= 4 && start + length <= bytes.length; length++) {
    try {
      strictUtf8.decode(bytes.subarray(start, start + length));
      return start + length;
    } catch {
      // not a whole character yet
    }
  }
  return start;
}
