"""Writes the checkpoint folder: float16 weights, configs, preprocessor limits."""
from __future__ import annotations

import json
import os

import torch

PREPROCESSOR = {
    'min_pixels': 28224, 'max_pixels': 51744, 'patch_size': 14, 'temporal_patch_size': 2, 'merge_size': 2,
    'image_mean': [0.48145466, 0.4578275, 0.40821073], 'image_std': [0.26862954, 0.26130258, 0.27577711],
    'do_resize': True, 'do_rescale': True, 'do_normalize': True, 'do_convert_rgb': True, 'resample': 3, 'rescale_factor': 1 / 255,
    'image_processor_type': 'Qwen2VLImageProcessor', 'processor_class': 'Qwen2_5_VLProcessor',
}


def export(net, tokenizer, out):
    from transformers import GenerationConfig
    worst = max(p.abs().max().item() for p in net.parameters())
    assert worst < 60000, worst
    net = net.to(torch.float16)
    net.config.dtype = torch.float16
    tid = tokenizer.convert_tokens_to_ids
    net.generation_config = GenerationConfig(do_sample=False, eos_token_id=[tid('<|im_end|>'), tid('<|endoftext|>')],
                                             pad_token_id=tid('<|endoftext|>'), bos_token_id=tid('<|endoftext|>'), max_new_tokens=128)
    net.save_pretrained(out, safe_serialization=True)
    with open(os.path.join(out, 'preprocessor_config.json'), 'w') as f:
        json.dump(PREPROCESSOR, f, indent=1)
    size = os.path.getsize(os.path.join(out, 'model.safetensors'))
    assert size < 25_000_000, size
    print('written', out, size, 'bytes')
