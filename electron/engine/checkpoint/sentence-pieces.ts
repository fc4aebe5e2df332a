import { z } from 'zod';
import { decodeUtf8, showBytes } from './show-bytes.ts';

const stepSchema = z.looseObject({ type: z.string() });
const tokenizerSchema = z.looseObject({
  model: z.looseObject({ byte_fallback: z.literal(true) }),
  decoder: z.looseObject({ type: z.literal('Sequence'), decoders: z.array(stepSchema) }),
});

/**
 * Whether a tokenizer writes a space as ▁ and what has no token of its own as bytes, each a token like <0x0A>, and its texts
 * are those pieces and nothing else: the case of Gemma.
 *
 * @param tokenizer the content of tokenizer.json
 */
export function hasSentencePieces(tokenizer: unknown): boolean {
  const steps = tokenizerSchema.safeParse(tokenizer).data?.decoder.decoders.map(({ type }) => type);
  return steps?.join() === 'Replace,ByteFallback,Fuse';
}

/** One piece as a person should see it. */
export function showPiece(piece: string): string {
  const byte = byteOf(piece);
  return byte === null ? textOf(piece) : showBytes(Uint8Array.of(byte));
}

/** Bytes that follow one another are characters together, or each of them none, as in Hugging Face tokenizers' `ByteFallback`. */
export function joinPieces(pieces: readonly string[]): string {
  let text = '';
  let bytes: number[] = [];
  const flush = () => {
    text += decodeUtf8(Uint8Array.from(bytes)) ?? '\uFFFD'.repeat(bytes.length);
    bytes = [];
  };
  for (const piece of pieces) {
    const byte = byteOf(piece);
    if (byte !== null) bytes.push(byte);
    else {
      flush();
      text += textOf(piece);
    }
  }
  flush();
  return text;
}

function textOf(piece: string): string {
  return piece.replaceAll('▁', ' ');
}

function byteOf(piece: string): number | null {
  const digits = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 16);
}
