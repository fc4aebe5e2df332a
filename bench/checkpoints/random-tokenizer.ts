/** Of Qwen, before the special tokens. */
const releasedSize = 151_643;
const qwenTokens = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<|object_ref_start|>',
  '<|object_ref_end|>',
  '<|box_start|>',
  '<|box_end|>',
  '<|quad_start|>',
  '<|quad_end|>',
  '<|vision_start|>',
  '<|vision_end|>',
  '<|vision_pad|>',
  '<|image_pad|>',
  '<|video_pad|>',
] as const;

/** Of SmolVLM: those of 6 × 6 tiles among them. */
const smolTokens = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<global-img>',
  ...Array.from({ length: 36 }, (_, tile) => `<row_${Math.floor(tile / 6) + 1}_col_${(tile % 6) + 1}>`),
  '<fake_token_around_image>',
  '<image>',
  '<end_of_utterance>',
];

const gemmaTokens = [
  '<bos>',
  '<start_of_turn>',
  '<end_of_turn>',
  '<start_of_image>',
  '<end_of_image>',
  '<image_soft_token>',
];

/** What the families' tokenizers differ in. */
const vocabularies = {
  qwen: { size: releasedSize, specials: qwenTokens, end: '<|im_end|>', image: '<|image_pad|>' },
  smolvlm: { size: releasedSize, specials: smolTokens, end: '<end_of_utterance>', image: '<image>' },
  gemma: { size: 262_139, specials: gemmaTokens, end: '<end_of_turn>', image: '<image_soft_token>' },
} as const satisfies Record<string, { specials: readonly string[] } & Record<string, unknown>>;

export type TokenizerKind = keyof typeof vocabularies;

/**
 * A byte-level tokenizer as large as Qwen's, SmolVLM's or Gemma's: 256 bytes, filler tokens that no text reaches, and the special
 * tokens at their released ids, so that the lens reads as many tokens as with the real one.
 *
 * @param rows of the unembedding; a smaller one gets a smaller tokenizer
 */
export function buildTokenizer(rows: number, kind: TokenizerKind = 'qwen') {
  const { size, end, image } = vocabularies[kind];
  const specials: readonly string[] = vocabularies[kind].specials;
  const vocabularySize = Math.min(size, rows - 2 * specials.length);
  const bytes = byteAlphabet();
  const vocab: Record<string, number> = {};
  bytes.forEach((character, id) => (vocab[character] = id));
  for (let id = bytes.length; id < vocabularySize; id++) vocab[`Ġfiller${id}`] = id;
  const added = specials.map((content, index) => ({
    id: vocabularySize + index,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const idOf = (content: string) => vocabularySize + specials.indexOf(content);
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: { type: 'NFC' },
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
      post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab,
        merges: [],
      },
    },
    tokenizerConfig: {
      tokenizer_class: 'Qwen2Tokenizer',
      eos_token: '<|im_end|>',
      ...(kind === 'gemma' ? { bos_token: '<bos>' } : {}),
      pad_token: '<|endoftext|>',
      model_max_length: 32_768,
    },
    ids: {
      end: idOf(end),
      visionStart: idOf('<|vision_start|>'),
      visionEnd: idOf('<|vision_end|>'),
      imagePad: idOf(image),
      videoPad: idOf('<|video_pad|>'),
    },
  };
}

/** The 256 printable characters of byte-level BPE. */
function byteAlphabet(): string[] {
  const printable = [
    [0x21, 0x7e],
    [0xa1, 0xac],
    [0xae, 0xff],
  ].flatMap(([first, last]) => Array.from({ length: last! - first! + 1 }, (_, index) => first! + index));
  const rest = 256 - printable.length;
  return [...printable, ...Array.from({ length: rest }, (_, index) => 256 + index)].map((code) =>
    String.fromCodePoint(code),
  );
}
