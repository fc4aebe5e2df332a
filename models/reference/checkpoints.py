"""Tiny random checkpoints, written in every layout in which Qwen2-VL, Qwen2.5-VL, Qwen3-VL, Idefics3, SmolVLM and Gemma 3 are found."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

import gemma3
import idefics3
from tokenizer import (
    gemma_tokenizer_config,
    smol_tokenizer_config,
    tokenizer_config,
    train_gemma_tokenizer,
    train_smol_tokenizer,
    train_tokenizer,
)

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
DTYPE_NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16"}
HEAD_DIM = 16
MROPE_SECTION = [2, 3, 3]
INTERLEAVED_MROPE_SECTION = [4, 2, 2]  # t h w t h w t t: the tail belongs to t, as in [24, 20, 20]
VISION_WIDTH = 32
VOCAB_SIZE = 640  # 600 of them belong to tokens, the rest is padding that the lens must mask

# The chat template that Qwen2-VL and Qwen2.5-VL are released with (Apache-2.0, Alibaba Cloud).
CHAT_TEMPLATE = (
    "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}"
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n"
    "{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "{% set image_count.value = image_count.value + 1 %}"
    "{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'video' or 'video' in content %}"
    "{% set video_count.value = video_count.value + 1 %}"
    "{% if add_vision_id %}Video {{ video_count.value }}: {% endif %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

# Renders a conversation with images as Qwen3-VL's template does: no system turn unless there is one. Tools are left out.
QWEN3_CHAT_TEMPLATE = (
    "{%- set image_count = namespace(value=0) %}"
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}"
    "{%- else %}{%- for content in message.content %}"
    "{%- if content.type == 'image' or 'image' in content or 'image_url' in content %}"
    "{%- set image_count.value = image_count.value + 1 %}"
    "{%- if add_vision_id %}Picture {{ image_count.value }}: {% endif -%}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{%- elif 'text' in content %}{{- content.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


@dataclass(frozen=True)
class Checkpoint:
    """One fixture folder.

    keys       released: visual.*, model.*, lm_head.weight; newer: model.visual.*, model.language_model.*
    config     flat: as first released; nested: text_config repeated at the top level, as transformers 4.52 saves it;
               v5: text_config with rope_parameters, as transformers 5 saves it
    template   where the chat template lies
    pixels     released: min_pixels and max_pixels; newer: size {shortest_edge, longest_edge}; both: as late 4.x saves
    """

    name: str
    family: str
    tied: bool
    dtype: str
    keys: str
    config: str
    template: str
    pixels: str
    seed: int
    shards: int = 1
    hidden: int = 64
    heads: int = 4
    kv_heads: int = 2
    mlp: int = 96
    layers: int = 4
    eps: float = 1e-6
    theta: float = 1e6
    max_cells: int = 120  # merged cells of 28×28 pixels, or 32×32 in Qwen3-VL
    outliers: bool = False  # two channels of the residual stream as large as trained models have them
    # Idefics3, SmolVLM and Gemma 3 only
    vision_width: int = 32
    patch_size: int = 8
    image_size: int = 32  # side of a tile, pixels
    scale: int = 2  # patches along a token
    # Idefics3 and SmolVLM only
    longest_edge: int = 96
    splitting: bool = True
    # Gemma 3 only
    window: int = 1024  # positions that a sliding block sees
    pattern: int = 2  # every so many blocks one sees all
    rope_factor: float = 8.0
    query_scalar: float = 16

    @property
    def patch(self) -> int:
        if idefics3.is_idefics3(self.family) or self.family == gemma3.FAMILY:
            return self.patch_size
        return 16 if self.family == "qwen3_vl" else 14


CHECKPOINTS = [
    Checkpoint("qwen2-5-vl-untied-f32", "qwen2_5_vl", False, "F32", "released", "flat", "chat_template.json", "released",
               seed=27, hidden=48, heads=3, kv_heads=1, mlp=72),
    Checkpoint("qwen2-vl-untied-f32", "qwen2_vl", False, "F32", "released", "flat", "chat_template.json", "released",
               seed=26, hidden=48, heads=3, kv_heads=1, mlp=72),
    Checkpoint("qwen2-5-vl-tied-bf16", "qwen2_5_vl", True, "BF16", "newer", "v5", "chat_template.jinja", "newer",
               seed=40, eps=1e-5, max_cells=40),
    Checkpoint("qwen2-5-vl-untied-f16-sharded", "qwen2_5_vl", False, "F16", "newer", "nested", "chat_template.jinja",
               "both", seed=31, shards=3),
    Checkpoint("qwen2-vl-tied-f16", "qwen2_vl", True, "F16", "newer", "v5", "chat_template.jinja", "newer",
               seed=11, theta=1e4),
    Checkpoint("qwen2-vl-tied-bf16-sharded", "qwen2_vl", True, "BF16", "released", "flat", "tokenizer_config.json",
               "released", seed=11, shards=2),
    Checkpoint("qwen3-vl-untied-f32", "qwen3_vl", False, "F32", "newer", "flat", "chat_template.json", "newer",
               seed=51, hidden=48, heads=4, kv_heads=1, mlp=64),
    Checkpoint("qwen3-vl-tied-bf16", "qwen3_vl", True, "BF16", "newer", "flat", "chat_template.json", "newer",
               seed=52, hidden=32, heads=4, kv_heads=2, mlp=48, theta=5e6),
    Checkpoint("qwen3-vl-tied-f16", "qwen3_vl", True, "F16", "newer", "v5", "chat_template.jinja", "newer",
               seed=60, hidden=32, heads=2, kv_heads=2, mlp=48, eps=1e-5, max_cells=12),
    Checkpoint("qwen3-vl-untied-bf16-sharded", "qwen3_vl", False, "BF16", "newer", "flat", "tokenizer_config.json",
               "newer", seed=54, hidden=48, heads=4, kv_heads=2, mlp=64, shards=3, theta=5e6),
    Checkpoint("qwen3-vl-untied-f16-outliers", "qwen3_vl", False, "F16", "newer", "flat", "chat_template.json",
               "both", seed=55, hidden=32, heads=4, kv_heads=2, mlp=48, outliers=True),
    Checkpoint("qwen3-vl-tied-f32-outliers", "qwen3_vl", True, "F32", "newer", "v5", "chat_template.jinja", "newer",
               seed=63, hidden=32, heads=4, kv_heads=4, mlp=48, outliers=True, theta=1e4),
    Checkpoint("idefics3-untied-f32", "idefics3", False, "F32", "newer", "flat", "chat_template.json", "newer",
               seed=71, hidden=48, heads=3, kv_heads=1, mlp=64, layers=3, eps=1e-5, theta=1e5),
    Checkpoint("idefics3-tied-f16-whole", "idefics3", True, "F16", "newer", "v5", "chat_template.jinja", "newer",
               seed=72, hidden=32, heads=2, kv_heads=1, mlp=48, layers=3, eps=1e-5, theta=1e5, splitting=False),
    Checkpoint("smolvlm-tied-bf16", "smolvlm", True, "BF16", "newer", "v5", "chat_template.jinja", "newer",
               seed=73, hidden=32, heads=4, kv_heads=2, mlp=48, layers=3, eps=1e-5, theta=1.3e5, patch_size=4, scale=4,
               longest_edge=64),
    Checkpoint("smolvlm-untied-bf16-sharded", "smolvlm", False, "BF16", "newer", "flat", "tokenizer_config.json", "newer",
               seed=74, hidden=32, heads=2, kv_heads=2, mlp=48, layers=3, eps=1e-5, theta=1e5, shards=3, patch_size=7,
               image_size=45, scale=3, longest_edge=120),
    Checkpoint("smolvlm-untied-f16-outliers", "smolvlm", False, "F16", "newer", "flat", "chat_template.json", "newer",
               seed=79, hidden=32, heads=4, kv_heads=2, mlp=48, layers=3, eps=1e-5, theta=1e5, outliers=True),
    Checkpoint("idefics3-tied-f32-outliers", "idefics3", True, "F32", "newer", "flat", "tokenizer_config.json", "newer",
               seed=76, hidden=32, heads=4, kv_heads=1, mlp=48, layers=3, eps=1e-5, theta=5e5, outliers=True,
               longest_edge=32),
    Checkpoint("gemma3-tied-f32", "gemma3", True, "F32", "released", "flat", "chat_template.json", "newer",
               seed=81, hidden=32, heads=4, kv_heads=2, mlp=48, window=9, patch_size=4),
    Checkpoint("gemma3-untied-f32", "gemma3", False, "F32", "released", "flat", "chat_template.json", "newer",
               seed=82, hidden=48, heads=3, kv_heads=1, mlp=64, layers=3, window=20, query_scalar=24, patch_size=5,
               image_size=47, scale=3),
    Checkpoint("gemma3-tied-bf16", "gemma3", True, "BF16", "newer", "v5", "chat_template.jinja", "newer",
               seed=83, hidden=32, heads=4, kv_heads=2, mlp=48, layers=3, pattern=3, patch_size=4),
    Checkpoint("gemma3-untied-bf16-sharded", "gemma3", False, "BF16", "newer", "v5", "tokenizer_config.json", "newer",
               seed=84, hidden=32, heads=2, kv_heads=2, mlp=48, layers=3, shards=3, window=5, patch_size=4, image_size=48,
               scale=3),
    Checkpoint("gemma3-tied-f16-outliers", "gemma3", True, "F16", "released", "flat", "chat_template.json", "newer",
               seed=85, hidden=32, heads=4, kv_heads=1, mlp=48, layers=3, window=12, outliers=True, patch_size=4, scale=4,
               image_size=48),
    Checkpoint("gemma3-untied-f32-outliers", "gemma3", False, "F32", "newer", "v5", "chat_template.jinja", "newer",
               seed=86, hidden=32, heads=2, kv_heads=1, mlp=48, layers=3, window=7, theta=1e5, rope_factor=2.0,
               outliers=True, patch_size=4),
]  # fmt: skip


def text_fields(checkpoint: Checkpoint) -> dict:
    if checkpoint.family == "qwen3_vl":
        return {
            "attention_bias": False,
            "attention_dropout": 0.0,
            "head_dim": HEAD_DIM,
            "hidden_act": "silu",
            "hidden_size": checkpoint.hidden,
            "initializer_range": 0.02,
            "intermediate_size": checkpoint.mlp,
            "max_position_embeddings": 32768,
            "model_type": "qwen3_vl_text",
            "num_attention_heads": checkpoint.heads,
            "num_hidden_layers": checkpoint.layers,
            "num_key_value_heads": checkpoint.kv_heads,
            "rms_norm_eps": checkpoint.eps,
            "rope_scaling": {
                "mrope_interleaved": True,
                "mrope_section": INTERLEAVED_MROPE_SECTION,
                "rope_type": "default",
            },
            "rope_theta": checkpoint.theta,
            "use_cache": True,
            "vocab_size": VOCAB_SIZE,
        }
    return {
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": checkpoint.hidden,
        "initializer_range": 0.02,
        "intermediate_size": checkpoint.mlp,
        "max_position_embeddings": 32768,
        "max_window_layers": checkpoint.layers,
        "num_attention_heads": checkpoint.heads,
        "num_hidden_layers": checkpoint.layers,
        "num_key_value_heads": checkpoint.kv_heads,
        "rms_norm_eps": checkpoint.eps,
        "sliding_window": 32768,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": VOCAB_SIZE,
    }


def vision_fields(checkpoint: Checkpoint) -> dict:
    """vision_config as released; note that `hidden_size` means the output width in Qwen2-VL, the inner one in 2.5."""
    shared = {
        "depth": 4,
        "num_heads": VISION_WIDTH // HEAD_DIM,
        "in_chans": 3,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    }
    if checkpoint.family == "qwen3_vl":
        return {
            "deepstack_visual_indexes": [0, 2],
            "depth": 4,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": VISION_WIDTH,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": 60,
            "model_type": "qwen3_vl",
            "num_heads": VISION_WIDTH // HEAD_DIM,
            "num_position_embeddings": 36,
            "out_hidden_size": checkpoint.hidden,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        }
    if checkpoint.family == "qwen2_vl":
        return {**shared, "embed_dim": VISION_WIDTH, "mlp_ratio": 4, "hidden_size": checkpoint.hidden}
    return {
        **shared,
        "hidden_act": "silu",
        "hidden_size": VISION_WIDTH,
        "intermediate_size": 60,
        "out_hidden_size": checkpoint.hidden,
        "window_size": 112,
        "fullatt_block_indexes": [1, 3],
        "tokens_per_second": 2,
    }


def released_config(checkpoint: Checkpoint, ids: dict[str, int]) -> dict:
    """config.json as the first releases have it: everything about the text at the top level."""
    architectures = {
        "qwen2_vl": "Qwen2VLForConditionalGeneration",
        "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration",
    }
    if checkpoint.family == "qwen3_vl":
        return qwen3_config(checkpoint, ids)
    if idefics3.is_idefics3(checkpoint.family):
        return idefics3.released_config(checkpoint, ids, VOCAB_SIZE, DTYPE_NAMES[checkpoint.dtype])
    if checkpoint.family == gemma3.FAMILY:
        return gemma3.released_config(checkpoint, ids, VOCAB_SIZE, DTYPE_NAMES[checkpoint.dtype])
    return {
        "architectures": [architectures[checkpoint.family]],
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|vision_pad|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "model_type": checkpoint.family,
        **text_fields(checkpoint),
        "rope_theta": checkpoint.theta,
        "rope_scaling": {"type": "mrope", "mrope_section": MROPE_SECTION},
        "tie_word_embeddings": checkpoint.tied,
        "torch_dtype": DTYPE_NAMES[checkpoint.dtype],
        "transformers_version": "4.41.2",
        "vision_config": vision_fields(checkpoint),
    }


def qwen3_config(checkpoint: Checkpoint, ids: dict[str, int]) -> dict:
    """config.json as Qwen3-VL is released: the text under text_config from the first."""
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "image_token_id": ids["<|image_pad|>"],
        "model_type": checkpoint.family,
        "text_config": {
            **text_fields(checkpoint),
            "bos_token_id": ids["<|endoftext|>"],
            "dtype": DTYPE_NAMES[checkpoint.dtype],
            "eos_token_id": ids["<|im_end|>"],
        },
        "tie_word_embeddings": checkpoint.tied,
        "transformers_version": "4.57.0.dev0",
        "video_token_id": ids["<|video_pad|>"],
        "vision_config": vision_fields(checkpoint),
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
    }


def nested_config(checkpoint: Checkpoint, ids: dict[str, int]) -> dict:
    """config.json as transformers 4.52 and later 4.x save it: text_config, with the same fields left at the top."""
    config = released_config(checkpoint, ids)
    rope_scaling = {"mrope_section": MROPE_SECTION, "rope_type": "default", "type": "default"}
    config["rope_scaling"] = rope_scaling
    config["text_config"] = {
        **text_fields(checkpoint),
        "architectures": config["architectures"],
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": config["eos_token_id"],
        "layer_types": ["full_attention"] * checkpoint.layers,
        "model_type": checkpoint.family + "_text",
        "rope_scaling": rope_scaling,
        "rope_theta": checkpoint.theta,
        "sliding_window": None,
        "torch_dtype": DTYPE_NAMES[checkpoint.dtype],
    }
    config["vision_config"] = {
        **config["vision_config"],
        "in_channels": 3,
        "model_type": checkpoint.family,
        "torch_dtype": DTYPE_NAMES[checkpoint.dtype],
    }
    config["transformers_version"] = "4.52.4"
    return config


def make_model(checkpoint: Checkpoint, released: dict) -> torch.nn.Module:
    """A float32 model with random weights, wide enough that every layer visibly changes the residual stream."""
    config_class, model_class = {
        "qwen2_vl": (Qwen2VLConfig, Qwen2VLForConditionalGeneration),
        "qwen2_5_vl": (Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration),
        "qwen3_vl": (Qwen3VLConfig, Qwen3VLForConditionalGeneration),
        **idefics3.CLASSES,
        **gemma3.CLASSES,
    }[checkpoint.family]
    model = model_class(config_class.from_dict(json.loads(json.dumps(released))))
    generator = torch.Generator().manual_seed(checkpoint.seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if checkpoint.family == gemma3.FAMILY:
                parameter.copy_(gemma3.randomise(checkpoint, name, noise))
            elif name.endswith("embed_tokens.weight"):
                parameter.copy_(noise * (0.3 if checkpoint.tied else 0.6))
            elif name == "lm_head.weight":
                parameter.copy_(noise * 0.35)
            elif name.endswith("bias"):
                parameter.copy_(noise * (0.4 if ".self_attn." in name else 0.15))
            elif parameter.ndim == 1:  # gain of a norm
                parameter.copy_(1 + 0.25 * noise)
            else:
                parameter.copy_(noise * 1.1 / math.sqrt(parameter[0].numel()))
        if checkpoint.outliers and checkpoint.family == gemma3.FAMILY:
            gemma3.add_outliers(model)
        elif checkpoint.outliers:
            is_idefics3 = idefics3.is_idefics3(checkpoint.family)
            text = model.model.text_model if is_idefics3 else model.model.language_model
            text.layers[1].mlp.down_proj.weight[[3, 17]] *= 60
            last = model.model.connector.modality_projection.proj if is_idefics3 else model.model.visual.merger.linear_fc2
            last.weight[3] *= 40
            text.norm.weight[[3, 17]] *= 0.05  # as trained models do, the final norm takes them back
    return model.eval()


def stored_tensors(checkpoint: Checkpoint, model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The model's tensors under the key names and in the type of this checkpoint."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        if checkpoint.tied and name == "lm_head.weight":
            continue
        if checkpoint.keys == "released" and checkpoint.family == gemma3.FAMILY:
            name = gemma3.released_name(name)
        elif checkpoint.keys == "released":
            name = name.replace("model.visual.", "visual.").replace("model.language_model.", "model.")
        tensors[name] = tensor.detach().to(DTYPES[checkpoint.dtype]).contiguous().clone()
    return tensors


def save_tensors(tensors: dict[str, torch.Tensor], shards: int, folder: Path) -> None:
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    weight_map, total = {}, 0
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = names[shard * len(names) // shards : (shard + 1) * len(names) // shards]
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        weight_map.update({name: file for name in part})
        total += sum(tensors[name].numel() * tensors[name].element_size() for name in part)
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def preprocessor_config(checkpoint: Checkpoint) -> dict:
    if idefics3.is_idefics3(checkpoint.family):
        return idefics3.preprocessor_config(checkpoint)
    if checkpoint.family == gemma3.FAMILY:
        return gemma3.preprocessor_config(checkpoint)
    factor = 2 * checkpoint.patch
    low, high = 4 * factor * factor, checkpoint.max_cells * factor * factor
    is_qwen3 = checkpoint.family == "qwen3_vl"
    processors = {"qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor", "qwen3_vl": "Qwen3VLProcessor"}
    sizes = {
        "released": {"min_pixels": low, "max_pixels": high},
        "newer": {"size": {"shortest_edge": low, "longest_edge": high}},
        "both": {"min_pixels": low, "max_pixels": high, "size": {"shortest_edge": low, "longest_edge": high}},
    }[checkpoint.pixels]
    config = {
        **sizes,
        "patch_size": checkpoint.patch,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5, 0.5, 0.5] if is_qwen3 else [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.5, 0.5, 0.5] if is_qwen3 else [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "Qwen2VLImageProcessorFast" if is_qwen3 else "Qwen2VLImageProcessor",
        "processor_class": processors[checkpoint.family],
    }
    if checkpoint.pixels != "released":
        config |= {
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "resample": 3,
            "rescale_factor": 1 / 255,
        }
    return config


def generation_config(checkpoint: Checkpoint, ids: dict[str, int]) -> dict:
    """As released, including sampling settings that a greedy trace must ignore."""
    if idefics3.is_idefics3(checkpoint.family):
        return idefics3.generation_config(ids)
    if checkpoint.family == gemma3.FAMILY:
        return gemma3.generation_config(ids)
    sampling = {"temperature": 0.01, "top_k": 1, "top_p": 0.001}
    if checkpoint.family == "qwen2_5_vl":
        sampling = {"repetition_penalty": 1.05, "temperature": 0.000001}
    return {
        "bos_token_id": ids["<|endoftext|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "do_sample": True,
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
        **sampling,
        "transformers_version": "4.41.2",
    }


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def make_tokenizer(family: str) -> tuple[Tokenizer, dict]:
    """The tokenizer and its tokenizer_config.json, without the chat template."""
    if family == gemma3.FAMILY:
        return train_gemma_tokenizer(), gemma_tokenizer_config()
    if idefics3.is_idefics3(family):
        return train_smol_tokenizer(), smol_tokenizer_config()
    tokenizer = train_tokenizer()
    return tokenizer, tokenizer_config(tokenizer)


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Writes the folder, and reads it back with from_pretrained: every tensor must come back under its own name."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*"):
        old.unlink()
    tokenizer, settings = make_tokenizer(checkpoint.family)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=checkpoint.family != gemma3.FAMILY)
    ids = tokenizer.get_vocab()

    released = released_config(checkpoint, ids)
    model = make_model(checkpoint, released)
    save_tensors(stored_tensors(checkpoint, model), checkpoint.shards, folder)
    if checkpoint.config == "flat":
        config = released
    elif checkpoint.config == "nested":
        config = nested_config(checkpoint, ids)
    else:
        model.config.dtype = DTYPE_NAMES[checkpoint.dtype]
        model.config.architectures = released["architectures"]
        config = json.loads(model.config.to_json_string())  # as save_pretrained does: class defaults are left out
        config.pop("_name_or_path", None)
    write_json(folder / "config.json", config)

    template = {
        "qwen3_vl": QWEN3_CHAT_TEMPLATE,
        "idefics3": idefics3.CHAT_TEMPLATE,
        "smolvlm": idefics3.CHAT_TEMPLATE,
        "gemma3": gemma3.CHAT_TEMPLATE,
    }.get(checkpoint.family, CHAT_TEMPLATE)
    if checkpoint.template == "tokenizer_config.json":
        settings["chat_template"] = template
    elif checkpoint.template == "chat_template.json":
        write_json(folder / "chat_template.json", {"chat_template": template})
    else:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "preprocessor_config.json", preprocessor_config(checkpoint))
    write_json(folder / "generation_config.json", generation_config(checkpoint, ids))
    check_reload(checkpoint, model, folder)


def check_reload(checkpoint: Checkpoint, model: torch.nn.Module, folder: Path) -> None:
    """Raises unless from_pretrained gives the model's own numbers, rounded to the stored type."""
    reloaded, report = type(model).from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    problems = {name: found for name, found in report.items() if found}
    expected = model.state_dict()
    wrong = [
        name
        for name, tensor in reloaded.state_dict().items()
        if not torch.equal(tensor, expected[name].to(DTYPES[checkpoint.dtype]).float())
    ]
    if problems or wrong:
        raise ValueError(f"{folder} does not come back as it was written: {problems} {wrong}")
