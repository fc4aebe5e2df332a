"""Byte-level BPE of a few thousand tokens with Qwen2's pre-tokenizer, special tokens and chat template.

    python -m language.tokenizer OUT      writes tokenizer.json, tokenizer_config.json, chat_template.jinja
"""
from __future__ import annotations

import json
import os
import sys

from language import tasks
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>', '<|box_start|>', '<|box_end|>',
           '<|quad_start|>', '<|quad_end|>', '<|vision_start|>', '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>']
# the template text of Qwen2.5-VL-Instruct
CHAT_TEMPLATE = (
    "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% elif content['type'] == 'video' or 'video' in content %}"
    "{% set video_count.value = video_count.value + 1 %}{% if add_vision_id %}Video {{ video_count.value }}: {% endif %}"
    "<|vision_start|><|video_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def corpus():
    """Every phrase of the tasks with a frequency, and the concept words in all the forms that must be single tokens."""
    lines = []
    for lang in ('en', 'ru'):
        for t in tasks.TASK_NAMES:
            lines += tasks.phrasings(t, lang) * 20
        for table in (tasks.FINDING, tasks.ZONE, tasks.CDR, tasks.CONCLUSION):
            lines += [s for v in table[lang].values() for s in (v, ' ' + v, v.capitalize())] * 20
    for en1, en2, ru1, ru2 in tasks.KINDS.values():
        lines += [w for s in (en1, en2, ru1, ru2) for w in (s, ' ' + s, s.lower(), ' ' + s.lower())] * 20
    truth = {'kind': 'fundus', 'eye': 'OD', 'cdr': 'small', 'pallor': True, 'quality': 'good', 'findings': [{'name': 'neovascular', 'zone': 'macula'}]}
    other = dict(truth, eye='OS', cdr='large', pallor=False, quality='poor', findings=[])
    for t in (truth, other, {'kind': 'moon'}):
        for lang in ('en', 'ru'):
            lines += [tasks.TASKS[n][0](t, lang) for n in tasks.TASK_NAMES] * 20
    lines += [f for w in tasks.CONCEPT_WORDS for f in (w, ' ' + w, w.capitalize(), ' ' + w.capitalize(), w.capitalize())] * 60
    lines += ['You are a helpful assistant.', 'system\n', 'user\n', 'assistant\n'] * 500
    return lines


def build(out: str, vocab: int = 4000):
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), 'isolated'),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    tok.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=vocab, min_frequency=2, show_progress=False,
                                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    os.makedirs(out, exist_ok=True)
    tok.save(os.path.join(out, 'tokenizer.json'))
    config = {'tokenizer_class': 'Qwen2Tokenizer', 'add_bos_token': False, 'add_prefix_space': False, 'bos_token': None, 'eos_token': '<|im_end|>',
              'pad_token': '<|endoftext|>', 'unk_token': None, 'errors': 'replace', 'clean_up_tokenization_spaces': False,
              'model_max_length': 2048, 'split_special_tokens': False, 'processor_class': 'Qwen2_5_VLProcessor',
              'additional_special_tokens': SPECIAL[1:],
              'added_tokens_decoder': {str(tok.token_to_id(s)): {'content': s, 'lstrip': False, 'rstrip': False, 'normalized': False,
                                                                 'single_word': False, 'special': True} for s in SPECIAL}}
    with open(os.path.join(out, 'tokenizer_config.json'), 'w', encoding='utf-8') as f:
        json.dump(config, f, indent=1, ensure_ascii=False)
    with open(os.path.join(out, 'chat_template.jinja'), 'w', encoding='utf-8') as f:
        f.write(CHAT_TEMPLATE)
    split = [f for w in tasks.CONCEPT_WORDS for f in (w, ' ' + w, w.capitalize(), ' ' + w.capitalize()) if len(tok.encode(f).ids) != 1]
    print(tok.get_vocab_size(), 'tokens; concept forms that are not single tokens:', split)


if __name__ == '__main__':
    build(sys.argv[1])
