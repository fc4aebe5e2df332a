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

/**
 * A byte-level tokenizer as large as Qwen's or SmolVLM's: 256 bytes, filler tokens that no text reaches, and the special
 * tokens at their released ids, so that the lens reads as many tokens as with the real one.
 *
 * @param rows of the unembedding; a smaller one gets a smaller tokenizer
 */
export function buildTokenizer(rows: number, family: 'qwen' | 'smolvlm' = 'qwen') {
  const specials: readonly string[] = family === 'qwen' ? qwenTokens : smolTokens;
  const vocabularySize = Math.min(releasedSize, rows - 2 * specials.length);
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
      pad_token: '<|endoftext|>',
      model_max_length: 32_768,
    },
    ids: {
      end: idOf(family === 'qwen' ? '<|im_end|>' : '<end_of_utterance>'),
      visionStart: idOf('<|vision_start|>'),
      visionEnd: idOf('<|vision_end|>'),
      imagePad: idOf(family === 'qwen' ? '<|image_pad|>' : '<image>'),
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
