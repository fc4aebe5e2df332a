"""Gemma 3: the files of a tiny checkpoint, and image and prompt as transformers' own processor makes them."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, PreTrainedTokenizerFast
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.gemma3.modeling_gemma3 import create_masks_for_vision_model, get_block_sequence_ids_for_mask
from transformers.models.gemma3.processing_gemma3 import Gemma3Processor

if TYPE_CHECKING:
    from checkpoints import Checkpoint

FAMILY = "gemma3"
FULL_SIZE = "photo-301x257.png"
CLASSES = {FAMILY: (Gemma3Config, Gemma3ForConditionalGeneration)}

# Renders a user's turn as the released template does: the system's text would stand before the user's, texts are trimmed.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] | trim }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<start_of_image>{% elif part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def released_config(checkpoint: Checkpoint, ids: dict[str, int], vocab_size: int, dtype: str) -> dict:
    """config.json as Gemma 3 is released: what the class says is left out, and it says that the unembedding is tied."""
    text = {
        "head_dim": 16,
        "hidden_size": checkpoint.hidden,
        "intermediate_size": checkpoint.mlp,
        "model_type": "gemma3_text",
        "num_attention_heads": checkpoint.heads,
        "num_hidden_layers": checkpoint.layers,
        "num_key_value_heads": checkpoint.kv_heads,
        "query_pre_attn_scalar": checkpoint.query_scalar,
        "rope_local_base_freq": 10000.0,
        "rope_scaling": {"factor": checkpoint.rope_factor, "rope_type": "linear"},
        "rope_theta": checkpoint.theta,
        "sliding_window": checkpoint.window,
        "sliding_window_pattern": checkpoint.pattern,
        "vocab_size": vocab_size,
    }
    vision = {
        "hidden_size": checkpoint.vision_width,
        "image_size": checkpoint.image_size,
        "intermediate_size": 48,
        "model_type": "siglip_vision_model",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "patch_size": checkpoint.patch,
        "vision_use_head": False,
    }
    return {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "boi_token_index": ids["<start_of_image>"],
        "eoi_token_index": ids["<end_of_image>"],
        "eos_token_id": [ids["<eos>"], ids["<end_of_turn>"]],
        "image_token_index": ids["<image_soft_token>"],
        "initializer_range": 0.02,
        "mm_tokens_per_image": (checkpoint.image_size // checkpoint.patch // checkpoint.scale) ** 2,
        "model_type": FAMILY,
        "text_config": text,
        **({} if checkpoint.tied else {"tie_word_embeddings": False}),
        "torch_dtype": dtype,
        "transformers_version": "4.50.0.dev0",
        "vision_config": vision,
    }


def preprocessor_config(checkpoint: Checkpoint) -> dict:
    return {
        "do_convert_rgb": None,
        "do_normalize": True,
        "do_pan_and_scan": None,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "Gemma3ImageProcessor",
        "image_seq_length": (checkpoint.image_size // checkpoint.patch // checkpoint.scale) ** 2,
        "image_std": [0.5, 0.5, 0.5],
        "pan_and_scan_max_num_crops": None,
        "pan_and_scan_min_crop_size": None,
        "pan_and_scan_min_ratio_to_activate": None,
        "processor_class": "Gemma3Processor",
        "resample": 2,
        "rescale_factor": 0.00392156862745098,
        "size": {"height": checkpoint.image_size, "width": checkpoint.image_size},
    }


def generation_config(ids: dict[str, int]) -> dict:
    return {
        "bos_token_id": ids["<bos>"],
        "cache_implementation": "hybrid",
        "do_sample": True,
        "eos_token_id": [ids["<eos>"], ids["<end_of_turn>"]],
        "pad_token_id": ids["<pad>"],
        "top_k": 64,
        "top_p": 0.95,
        "transformers_version": "4.50.0.dev0",
    }


def randomise(checkpoint: Checkpoint, name: str, noise: torch.Tensor) -> torch.Tensor:
    """Values of a parameter: the gains of an RMSNorm are stored less 1."""
    is_offset = noise.ndim == 1 and "vision_tower" not in name
    if is_offset:
        return 0.25 * noise
    if name.endswith("embed_tokens.weight"):
        return noise * (0.3 if checkpoint.tied else 0.4)
    if name == "lm_head.weight":
        return noise * 0.35
    if name.endswith("bias"):
        return noise * 0.15
    if noise.ndim == 1:
        return 1 + 0.25 * noise
    return noise * 1.1 / math.sqrt(noise[0].numel())


def add_outliers(model: torch.nn.Module) -> None:
    """Gemma's own way to large channels: the gain after the MLP; the final norm takes them back."""
    text = model.model.language_model
    text.layers[1].post_feedforward_layernorm.weight[[3, 17]] = 59.0
    model.model.multi_modal_projector.mm_input_projection_weight[:, 3] *= 40
    text.norm.weight[[3, 17]] = -0.95


def released_name(name: str) -> str:
    """As the first releases name a tensor that transformers 5 calls so."""
    if name.startswith("model.language_model."):
        return name.replace("model.language_model.", "language_model.model.", 1)
    if name.startswith("lm_head."):
        return f"language_model.{name}"
    return name.removeprefix("model.").replace("vision_tower.", "vision_tower.vision_model.", 1)


class Processor:
    """transformers' processor of a checkpoint folder, and the patches in the order in which the engine takes them."""

    def __init__(self, folder: Path, config: dict):
        self.patch = config["vision_config"]["patch_size"]
        self.side = config["vision_config"]["image_size"] // self.patch  # patches along the image
        self.cells = math.isqrt(config["mm_tokens_per_image"])
        self.images = Gemma3ImageProcessorPil.from_pretrained(folder)
        names = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), extra_special_tokens=names)
        self.processor = Gemma3Processor(self.images, tokenizer, image_seq_length=self.cells**2)

    def __call__(self, image: Image.Image, chat_text: str) -> dict[str, torch.Tensor]:
        """input_ids [1, T], pixel_values [1, 3, H, W], token_type_ids [1, T]: 1 at the image's tokens."""
        return dict(self.processor(text=chat_text, images=[image], return_tensors="pt", add_special_tokens=False))

    def grid(self, _image: Image.Image) -> torch.Tensor:
        return torch.tensor([[1, self.side, self.side]])

    def patches(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """float32 [patches, 3 · patch²]: the patches of a token contiguous, row by row inside it."""
        scale, patch, used = self.side // self.cells, self.patch, self.side * self.patch
        parts = pixel_values[..., :used, :used].reshape(-1, 3, self.cells, scale, patch, self.cells, scale, patch)
        return parts.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(-1, 3 * patch * patch)


def masks(model: torch.nn.Module, embeddings: torch.Tensor, token_types: torch.Tensor) -> dict[str, torch.Tensor]:
    """What blocks of either kind may look at, by transformers' own functions.

    embeddings [1, T, D]; token_types [1, prompt], 0 at everything after it.
    """
    token_types = torch.nn.functional.pad(token_types, (0, embeddings.shape[1] - token_types.shape[1]))
    return create_masks_for_vision_model(
        config=model.config.get_text_config(),
        inputs_embeds=embeddings,
        attention_mask=None,
        past_key_values=None,
        position_ids=None,
        block_sequence_ids=get_block_sequence_ids_for_mask(token_types),
    )


def resized_rgb(pixel_values: torch.Tensor) -> np.ndarray:
    """uint8 [H, W, 3]: the 8-bit picture that the processor normalised, recovered exactly."""
    values = (pixel_values[0].permute(1, 2, 0).numpy().astype(np.float64) * 0.5 + 0.5) * 255
    rounded = values.round()
    if np.abs(values - rounded).max() > 1e-3:
        raise ValueError("pixel values are not those of an 8-bit picture")
    return rounded.astype(np.uint8)


def write_full_size(fixtures: Path) -> None:
    """The picture that the processor makes of an image at the released size, as the SHA-256 of its bytes."""
    settings = {
        "resample": 2,
        "size": {"height": 896, "width": 896},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    image = Image.open(fixtures / "images" / FULL_SIZE).convert("RGB")
    picture = resized_rgb(Gemma3ImageProcessorPil(**settings)(images=[image], return_tensors="pt")["pixel_values"])
    entry = {"image": f"images/{FULL_SIZE}", "processor": settings, "sha256": hashlib.sha256(picture.tobytes()).hexdigest()}
    file = fixtures / "reference" / "gemma3-full-size.json"
    file.write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
