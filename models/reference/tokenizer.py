"""Tiny BPEs with the pre-tokenizers and special tokens of Qwen2, SmolVLM and Gemma 3, trained on a few lines of our own text."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# The splitting rule of Qwen2's tokenizer.json.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# In the order in which Qwen2-VL numbers them, directly after the byte-pair tokens.
SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
PLAIN_ADDED_TOKENS = ["<tool_call>", "</tool_call>"]  # added, yet not special: Qwen2.5-VL has such tokens
# Of SmolVLM; those of tiles stop at 3 rows of 3 here.
SMOL_SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<global-img>",
    *[f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)],
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
]
SMOL_BASE_VOCABULARY = 584
BASE_VOCABULARY = 584  # 256 bytes + merges; 600 with the added tokens

# Of Gemma 3, in its order: before the bytes and words, and after them.
GEMMA_FIRST_TOKENS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
GEMMA_LINE_BREAKS = ["\n", "\n\n", "\n\n\n"]  # added, yet not special
GEMMA_LAST_TOKENS = ["<start_of_image>", "<end_of_image>", "<image_soft_token>"]
GEMMA_VOCABULARY = 600

CORPUS = """
system user assistant system user assistant system user assistant
You are a helpful assistant. You are a helpful assistant. You are a helpful assistant.
Describe this image. Answer with one word. Describe this image. Answer with one word.
Describe the image. What is shown in this photograph? What is in the picture? Name the object.
This is a colour fundus photograph of the retina. The retina is seen through the pupil of the eye.
Retina Retina retina Fundus Fundus fundus Eye Eye eye Optic optic disc Disc Macula macula
The optic disc is at the left edge, the fovea lies in the centre of the macula. The cup of the disc is small.
Blood vessels leave the optic disc: arteries and veins. Vessel vessels Vessel vessels Blood blood.
Haemorrhage, hemorrhage, exudate and drusen are signs of disease. Hard exudates lie near the macula.
Diabetic retinopathy, glaucoma and age-related macular degeneration are diseases of the eye.
Glaucoma glaucoma Diabetic diabetic Drusen drusen Exudate exudate Cup cup
Skin, cat, text and x-ray are not eyes. Cat cat Skin skin Text text X-ray x-ray Return Retro Reticle
Что изображено на снимке? Что изображено на снимке? Что изображено на снимке?
На снимке глазное дно. Глазное дно видно через зрачок. Сетчатка глаза, сетчатка, Сетчатка.
Диск зрительного нерва, макула, сосуды, артерии и вены сетчатки. Глаз глаз Макула макула Сосуды сосуды
Кровоизлияние, экссудат и друзы — признаки болезни глаза. Диабетическая ретинопатия, глаукома.
Опиши изображение. Ответь одним словом. Опиши снимок одним словом. Кошка, кожа, текст, рентген.
0 1 2 3 4 5 6 7 8 9 10 20 30
"""


def train_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BASE_VOCABULARY,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS.strip().splitlines(keepends=True), trainer)
    if tokenizer.get_vocab_size() != BASE_VOCABULARY:
        raise ValueError(f"the corpus gives {tokenizer.get_vocab_size()} tokens, wanted {BASE_VOCABULARY}")
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL_TOKENS])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in PLAIN_ADDED_TOKENS])
    return tokenizer


def train_smol_tokenizer() -> Tokenizer:
    """The same for SmolVLM: digits one by one, then the byte-level rule of GPT-2; no normaliser."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=SMOL_BASE_VOCABULARY,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS.strip().splitlines(keepends=True), trainer)
    if tokenizer.get_vocab_size() != SMOL_BASE_VOCABULARY:
        raise ValueError(f"the corpus gives {tokenizer.get_vocab_size()} tokens, wanted {SMOL_BASE_VOCABULARY}")
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SMOL_SPECIAL_TOKENS])
    return tokenizer


def train_gemma_tokenizer() -> Tokenizer:
    """Gemma's kind: "▁" for a space, no words cut before the merges, bytes only for what has no token of its own."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")
    first = [*GEMMA_FIRST_TOKENS, *GEMMA_LINE_BREAKS, *[f"<0x{byte:02X}>" for byte in range(256)]]
    count = GEMMA_VOCABULARY - len(first) - len(GEMMA_LAST_TOKENS)
    trainer = trainers.BpeTrainer(vocab_size=count, show_progress=False)
    trained.train_from_iterator(CORPUS.strip().splitlines(), trainer)
    model = json.loads(trained.to_str())["model"]
    words = sorted(model["vocab"], key=model["vocab"].get)
    vocabulary = {token: place for place, token in enumerate([*first, *words, *GEMMA_LAST_TOKENS])}
    if len(vocabulary) != GEMMA_VOCABULARY:
        raise ValueError(f"the corpus gives {len(vocabulary)} tokens, wanted {GEMMA_VOCABULARY}")
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = [*GEMMA_FIRST_TOKENS, *GEMMA_LAST_TOKENS]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in GEMMA_LINE_BREAKS])
    return tokenizer


def gemma_tokenizer_config() -> dict:
    return {
        "add_bos_token": True,
        "add_eos_token": False,
        "boi_token": "<start_of_image>",
        "bos_token": "<bos>",
        "clean_up_tokenization_spaces": False,
        "eoi_token": "<end_of_image>",
        "eos_token": "<eos>",
        "image_token": "<image_soft_token>",
        "model_max_length": 1000000000000000019884624838656,
        "pad_token": "<pad>",
        "spaces_between_special_tokens": False,
        "tokenizer_class": "GemmaTokenizer",
        "unk_token": "<unk>",
    }


def smol_tokenizer_config() -> dict:
    return {
        "add_prefix_space": False,
        "bos_token": "<|im_start|>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "<end_of_utterance>",
        "model_max_length": 8192,
        "pad_token": "<|im_end|>",
        "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<|endoftext|>",
    }


def tokenizer_config(tokenizer: Tokenizer) -> dict:
    """tokenizer_config.json as Qwen2-VL ships it, without the chat template."""
    added = {}
    for text in SPECIAL_TOKENS + PLAIN_ADDED_TOKENS:
        added[str(tokenizer.token_to_id(text))] = {
            "content": text,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": text in SPECIAL_TOKENS,
        }
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "additional_special_tokens": SPECIAL_TOKENS[1:],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 32768,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
