import path from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FundusLensError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { largestGrowth } from './normaliser-growth.ts';
import { readSideFile } from '../weights/side-file.ts';
import { hasSentencePieces, joinPieces, showPiece } from './sentence-pieces.ts';
import { showBytes } from './show-bytes.ts';
import { withinTime } from './within-time.ts';

/** The checkpoint's own tokenizer; ids are those of the embedding's rows. */
export interface Tokenizer {
  /** 1 + the largest id; logits from here on belong to no token. */
  readonly size: number;
  /** Encodes text without adding special tokens; special tokens written in the text become their id. */
  encode(text: string): number[];
  /** Text of a token sequence, without special tokens. */
  decode(ids: readonly number[]): string;
  /**
   * Many texts under one limit of time: setting a limit for each takes longer than encoding it.
   *
   * @param work synchronous; calls this tokenizer as often as it likes
   * @throws FundusLensError `model.tokenizer-invalid` when it takes too long, and whatever `work` throws
   */
  together<T>(work: () => T): T;
  /** One token as a person should see it: bytes that are no character of their own as ⟨hex⟩. */
  tokenText(id: number): string;
  idOf(token: string): number | undefined;
}

/** What the tokenizer takes for granted; a wrong type leads it into loops without an end. */
const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int().nonnegative(), content: z.string() })).optional(),
  model: z.looseObject({}),
});
const configSchema = z.looseObject({});

/**
 * @throws FundusLensError `model.tokenizer-missing` without tokenizer.json, `model.tokenizer-invalid` when it
 *   cannot be used
 */
export async function readTokenizer(folder: string): Promise<Tokenizer> {
  const file = path.join(folder, 'tokenizer.json');
  const { tokenizerBytes } = limits.models;
  const json = await readSideFile(file, tokenizerBytes, 'model.tokenizer-invalid');
  if (json === undefined) {
    throw new FundusLensError('model.tokenizer-missing', `The checkpoint has no tokenizer.`, {
      expected: file,
      found: 'no such file',
      advice: 'Copy tokenizer.json of the same checkpoint into the folder.',
    });
  }
  const configFile = path.join(folder, 'tokenizer_config.json');
  const config = (await readSideFile(configFile, tokenizerBytes, 'model.tokenizer-invalid')) ?? '{}';
  try {
    const parsed = tokenizerSchema.parse(JSON.parse(json));
    refuseGrowth(parsed, file);
    const read = () => new HuggingFaceTokenizer(parsed, configSchema.parse(JSON.parse(config)));
    return createTokenizer(
      withinTime(read, limits.models.loading, tooSlow(file, limits.models.loading)),
      file,
      hasSentencePieces(parsed),
    );
  } catch (cause) {
    throw invalidTokenizer(file, cause);
  }
}

function tooSlow(file: string, milliseconds: number): () => FundusLensError {
  return () =>
    new FundusLensError('model.tokenizer-invalid', `${file} does not come to an end.`, {
      expected: `to be read, or the tokens of a text, within ${milliseconds / 1000} s`,
      found: 'neither by then',
      advice: 'Shorten the prompt if it is very long; otherwise download the file again.',
    });
}

function invalidTokenizer(file: string, cause: unknown): FundusLensError {
  if (cause instanceof FundusLensError) return cause;
  return new FundusLensError('model.tokenizer-invalid', `${file} cannot be used.`, {
    expected: 'a tokenizer.json as Hugging Face tokenizers writes it, and a valid tokenizer_config.json',
    found:
      cause instanceof z.ZodError
        ? z.prettifyError(cause)
        : cause instanceof Error
          ? cause.message
          : String(cause),
    advice: 'Download the two files again.',
    cause,
  });
}

/** @throws FundusLensError `model.tokenizer-invalid` when steps of the normaliser make a text longer and longer */
function refuseGrowth(tokenizer: object, file: string): void {
  const growth = largestGrowth(tokenizer);
  if (growth <= limits.models.growth) return;
  throw new FundusLensError('model.tokenizer-invalid', `${file} makes texts too long to be read.`, {
    expected: `a text of at most ${limits.models.growth} times its length after the normaliser`,
    found: `up to ${growth.toPrecision(2)} times`,
    advice: 'Download the file again; do not use the model if it stays so.',
  });
}

/** @param isPieces see {@link hasSentencePieces}; otherwise a token is bytes, written as printable characters */
function createTokenizer(tokenizer: HuggingFaceTokenizer, file: string, isPieces: boolean): Tokenizer {
  let isLimited = false;
  const limited = <T>(work: () => T): T => {
    try {
      if (isLimited) return work();
      return withinTime(work, limits.models.tokenizing, tooSlow(file, limits.models.tokenizing));
    } catch (cause) {
      throw invalidTokenizer(file, cause);
    }
  };
  const vocabulary = tokenizer.get_vocab(true);
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const added = tokenizer.get_added_tokens_decoder();
  const show = isPieces ? showPiece : (token: string) => showBytes(bytesOfToken(token));
  const decode = (ids: readonly number[]) => {
    if (!isPieces)
      return tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
    const seen = ids.filter((id) => added.get(id)?.special !== true);
    return joinPieces(seen.map((id) => tokenizer.id_to_token(id) ?? ''));
  };
  return {
    size,
    encode: (text) => limited(() => tokenizer.encode(text, { add_special_tokens: false }).ids.map(Number)),
    decode: (ids) => (ids.length === 0 ? '' : limited(() => decode(ids))),
    together: (work) => {
      if (isLimited) return work();
      const { loading } = limits.models;
      isLimited = true;
      try {
        return withinTime(work, loading, tooSlow(file, loading));
      } finally {
        isLimited = false;
      }
    },
    idOf: (token) => vocabulary.get(token),
    tokenText: (id) => {
      const own = added.get(id);
      const token = own?.content ?? tokenizer.id_to_token(id);
      if (token === undefined) return `⟨${id}⟩`;
      // Of pieces, runs of spaces and line breaks are added tokens too.
      return own !== undefined && (own.special || !isPieces) ? token : show(token);
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
