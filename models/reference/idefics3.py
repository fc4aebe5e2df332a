"""Idefics3 and SmolVLM: the files of a tiny checkpoint, and images and prompts as transformers' own processor makes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.idefics3.processing_idefics3 import Idefics3Processor

if TYPE_CHECKING:
    from checkpoints import Checkpoint

CLASSES = {
    "idefics3": (Idefics3Config, Idefics3ForConditionalGeneration),
    "smolvlm": (SmolVLMConfig, SmolVLMForConditionalGeneration),
}

FULL_SIZE = "photo-301x257.png"

# Renders a user's turn as the released template does: the image first, no line break after the role.
CHAT_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{{ ':' if message['content'][0]['type'] == 'image' else ': ' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


def is_idefics3(family: str) -> bool:
    return family in CLASSES


def released_config(checkpoint: Checkpoint, ids: dict[str, int], vocab_size: int, dtype: str) -> dict:
    """config.json as SmolVLM is released: of the tower's fields only those that differ from the class's."""
    vision = {
        "hidden_size": checkpoint.vision_width,
        "image_size": checkpoint.image_size,
        "intermediate_size": 48,
        "max_image_size": {"longest_edge": checkpoint.image_size},
        "model_type": "idefics3" if checkpoint.family == "idefics3" else "smolvlm_vision",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "patch_size": checkpoint.patch,
        "size": {"longest_edge": checkpoint.longest_edge},
        "tie_word_embeddings": False,
        "use_base_siglip": False,
    }
    text = {
        "architectures": ["VLlama3ForCausalLM"],
        "head_dim": 16,
        "hidden_size": checkpoint.hidden,
        "intermediate_size": checkpoint.mlp,
        "is_llama_config": True,
        "max_position_embeddings": 8192,
        "model_type": "llama",
        "num_attention_heads": checkpoint.heads,
        "num_hidden_layers": checkpoint.layers,
        "num_key_value_heads": checkpoint.kv_heads,
        "pad_token_id": 2,
        "pixel_shuffle_factor": checkpoint.scale,
        "qk_layer_norms": False,
        "rms_norm_eps": checkpoint.eps,
        "rope_interleaved": False,
        "rope_theta": checkpoint.theta,
        "tie_word_embeddings": checkpoint.tied,
        "torch_dtype": dtype,
        "use_resampler": False,
        "vocab_size": vocab_size,
    }
    return {
        "architectures": [CLASSES[checkpoint.family][1].__name__],
        "image_token_id": ids["<image>"],
        "model_type": checkpoint.family,
        "scale_factor": checkpoint.scale,
        "text_config": text,
        "tie_word_embeddings": checkpoint.tied,
        "torch_dtype": dtype,
        "transformers_version": "4.47.1",
        "vision_config": vision,
        "vocab_size": vocab_size,
    }


def preprocessor_config(checkpoint: Checkpoint) -> dict:
    return {
        "do_convert_rgb": True,
        "do_image_splitting": checkpoint.splitting,
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "Idefics3ImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "max_image_size": {"longest_edge": checkpoint.image_size},
        "processor_class": "Idefics3Processor",
        "resample": 1,
        "rescale_factor": 0.00392156862745098,
        "size": {"longest_edge": checkpoint.longest_edge},
    }


def generation_config(ids: dict[str, int]) -> dict:
    return {
        "_from_model_config": True,
        "bos_token_id": ids["<|im_start|>"],
        "eos_token_id": ids["<end_of_utterance>"],
        "pad_token_id": 2,
        "transformers_version": "4.47.1",
    }


class Processor:
    """transformers' processor of a checkpoint folder, and the tiles in the order in which the engine takes patches."""

    def __init__(self, folder: Path, config: dict):
        self.patch = config["vision_config"]["patch_size"]
        self.scale = config["scale_factor"]
        self.side = config["vision_config"]["image_size"] // self.patch  # patches along a tile
        self.images = Idefics3ImageProcessorPil.from_pretrained(folder)
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
        self.processor = Idefics3Processor(self.images, tokenizer, image_seq_len=(self.side // self.scale) ** 2)

    def __call__(self, image: Image.Image, chat_text: str) -> dict[str, torch.Tensor]:
        """input_ids [1, T], pixel_values [1, tiles, 3, H, W], pixel_attention_mask."""
        return dict(self.processor(text=chat_text, images=[image], return_tensors="pt"))

    def grid(self, image: Image.Image) -> torch.Tensor:
        """int64 [1, 3]: 1 and the patches over the photograph, all tiles together."""
        found = self.images(images=[image], return_row_col_info=True)
        rows, columns = max(1, found["rows"][0][0]), max(1, found["cols"][0][0])
        return torch.tensor([[1, rows * self.side, columns * self.side]])

    def patches(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """float32 [patches, 3 · patch²]: tile by tile, the scale² patches of a token contiguous."""
        cells, scale, patch = self.side // self.scale, self.scale, self.patch
        used = self.side * patch
        tiles = pixel_values[0, :, :, :used, :used]
        parts = tiles.reshape(-1, 3, cells, scale, patch, cells, scale, patch)
        return parts.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(-1, 3 * patch * patch)


def tiles_rgb(pixel_values: torch.Tensor) -> np.ndarray:
    """uint8 [tiles, H, W, 3]: the 8-bit tiles that the processor normalised, recovered exactly."""
    values = (pixel_values[0].permute(0, 2, 3, 1).numpy().astype(np.float64) * 0.5 + 0.5) * 255
    rounded = values.round()
    if np.abs(values - rounded).max() > 1e-3:
        raise ValueError("pixel values are not those of an 8-bit picture")
    return rounded.astype(np.uint8)


def write_full_size(fixtures: Path) -> None:
    """The pixels of an image at the released sizes, as the SHA-256 of their bytes in the engine's order."""
    settings = {
        "do_image_splitting": True,
        "resample": 1,
        "size": {"longest_edge": 2048},
        "max_image_size": {"longest_edge": 512},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    processor = Processor.__new__(Processor)
    processor.patch, processor.scale, processor.side = 16, 4, 32
    image = Image.open(fixtures / "images" / FULL_SIZE).convert("RGB")
    patches = processor.patches(Idefics3ImageProcessorPil(**settings)(images=[image], return_tensors="pt")["pixel_values"])
    pixels = ((patches.double() * 0.5 + 0.5) * 255).round().to(torch.uint8).numpy()
    entry = {"image": f"images/{FULL_SIZE}", "processor": settings, "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}
    file = fixtures / "reference" / "idefics3-full-size.json"
    file.write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
