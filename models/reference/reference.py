"""Runs transformers on a checkpoint folder, in float32 with eager attention unless said otherwise, and takes the
residual stream out.

Letters in shapes: L decoder layers, T positions, D model width, V rows of the unembedding, N image tokens, P patches.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from tokenizers import Tokenizer
from transformers import (
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLForConditionalGeneration,
    Qwen3VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.utils.chat_template_utils import render_jinja_template

import gemma3
import idefics3

MODEL_CLASSES = {
    "qwen2_vl": Qwen2VLForConditionalGeneration,
    "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration,
    "qwen3_vl": Qwen3VLForConditionalGeneration,
    **{family: model_class for family, (_, model_class) in (idefics3.CLASSES | gemma3.CLASSES).items()},
}

DEEPSTACK = ("visual_pos_masks", "deepstack_visual_embeds")


@dataclass
class Prompt:
    """A prompt with its image, ready for the model."""

    chat_text: str  # as rendered by the template, with one image placeholder
    input_ids: torch.Tensor  # int64 [T], placeholder expanded to N
    image_span: tuple[int, int]  # [start, end) from the first image token to the last
    pixel_values: torch.Tensor  # float32 [P, 3 · frames · patch²]
    grid: torch.Tensor  # int64 [1, 3]: t, h, w in patches
    inputs: dict[str, torch.Tensor]  # what the model takes beside input_ids


@dataclass
class Forward:
    """What one pass over a prompt gives."""

    position_ids: torch.Tensor  # int64 [axes, T]
    image_embeds: torch.Tensor  # float32 [N, D], after the merger
    residual: torch.Tensor  # float32 [L+1, T, D]: input of every block, then input of the final norm
    logits: torch.Tensor  # float32 [V], last position
    hidden_states: tuple[torch.Tensor, ...]  # as transformers returns them: the last one is normed
    deepstack: dict  # what the decoder takes of the image beside its embeddings; empty where there is no DeepStack
    token_types: torch.Tensor | None  # int64 [1, prompt], 1 at the image's tokens, where they look at each other both ways


class Reference:
    """One checkpoint: model, tokenizer, chat template and image processor."""

    def __init__(
        self,
        folder: Path,
        attention: str | None = "eager",
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ):
        self.folder = folder
        self.device = device
        self.config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        options = {"attn_implementation": attention} if attention else {}
        model_class = MODEL_CLASSES[self.config["model_type"]]
        self.model, report = model_class.from_pretrained(
            folder, dtype=dtype, output_loading_info=True, **options
        )
        for problem in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
            if report.get(problem):
                raise ValueError(f"{folder}: {problem}: {report[problem]}")
        self.model.eval().to(device)
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.num_tokens = max(self.tokenizer.get_vocab().values()) + 1  # ids from here on belong to no token
        self.is_gemma3 = self.config["model_type"] == gemma3.FAMILY
        self.image_token = self.config["image_token_index" if self.is_gemma3 else "image_token_id"]
        self.eos_tokens = read_eos_tokens(folder)
        self.is_idefics3 = idefics3.is_idefics3(self.config["model_type"])
        # Has a processor that writes the image's tokens into the prompt; its decoder counts positions on one axis, by itself.
        self.writes_prompt = self.is_idefics3 or self.is_gemma3
        if self.is_gemma3:
            self.processor = gemma3.Processor(folder, self.config)
            self.image_processor = self.processor.images
            self.text, self.vision = self.model.model.language_model, self.model.model.multi_modal_projector
        elif self.is_idefics3:
            self.processor = idefics3.Processor(folder, self.config)
            self.image_processor = self.processor.images
            self.text, self.vision = self.model.model.text_model, self.model.model.connector
        else:
            self.image_processor = Qwen2VLImageProcessorPil.from_pretrained(folder)
            self.text, self.vision = self.model.model.language_model, self.model.model.visual

    def prepare(self, image: Image.Image, prompt: str) -> Prompt:
        """One user turn with the image first and the text after it, ending with the assistant's header."""
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        chat_text = render_chat(self.folder, [{"role": "user", "content": content}])
        if self.writes_prompt:
            return self.prepare_written(image, chat_text)
        batch = self.image_processor(images=[image], return_tensors="pt")
        grid = batch["image_grid_thw"]
        count = int(grid.prod()) // self.image_processor.merge_size**2
        ids = []
        for token in self.tokenizer.encode(chat_text, add_special_tokens=False).ids:
            ids += [token] * (count if token == self.image_token else 1)
        start = ids.index(self.image_token)
        pixels = batch["pixel_values"].float()
        inputs = {
            "mm_token_type_ids": (torch.tensor(ids)[None] == self.image_token).int(),
            "pixel_values": pixels,
            "image_grid_thw": grid,
        }
        return Prompt(chat_text, torch.tensor(ids), (start, start + count), pixels, grid, inputs)

    def prepare_written(self, image: Image.Image, chat_text: str) -> Prompt:
        """The same by a family's own processor, which writes the image's tokens into the text."""
        batch = self.processor(image, chat_text)
        ids = batch["input_ids"][0]
        places = (ids == self.image_token).nonzero()[:, 0]
        names = ("pixel_values", "pixel_attention_mask", "token_type_ids")
        inputs = {name: batch[name] for name in names if name in batch}
        pixels = self.processor.patches(batch["pixel_values"])
        span = (int(places[0]), int(places[-1]) + 1)
        return Prompt(chat_text, ids, span, pixels, self.processor.grid(image), inputs)

    @torch.no_grad()
    def run(self, prompt: Prompt) -> Forward:
        """The model's own forward pass; the residual stream is caught on its way into each block and the final norm."""
        caught: dict[int, torch.Tensor] = {}
        positions, embeds, deepstack = [], [], {}
        hooks = [
            layer.register_forward_pre_hook(catcher(caught, index), with_kwargs=True)
            for index, layer in enumerate([*self.text.layers, self.text.norm])
        ]
        # Llama and Gemma count their positions themselves, and hand them to their blocks.
        hooks.append(
            (self.text.layers[0] if self.writes_prompt else self.text).register_forward_pre_hook(
                lambda _module, _args, kwargs: positions.append(kwargs["position_ids"]), with_kwargs=True
            )
        )
        hooks.append(
            self.text.register_forward_pre_hook(
                lambda _module, _args, kwargs: deepstack.update({name: kwargs[name] for name in DEEPSTACK if name in kwargs}),
                with_kwargs=True,
            )
        )
        hooks.append(
            self.vision.register_forward_hook(
                lambda _module, _args, output: embeds.append(
                    output.flatten(0, 1) if self.writes_prompt else output.pooler_output
                )
            )
        )
        ids = prompt.input_ids[None]
        try:
            output = self.model(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                **prompt.inputs,
                output_hidden_states=True,
                use_cache=False,
            )
        finally:
            for hook in hooks:
                hook.remove()
        residual = torch.stack([caught[index][0] for index in range(len(caught))])
        return Forward(
            position_ids=positions[0] if self.writes_prompt else positions[0][:, 0],
            image_embeds=embeds[0],
            residual=residual,
            logits=output.logits[0, -1],
            hidden_states=tuple(state[0] for state in output.hidden_states),
            deepstack=deepstack,
            token_types=prompt.inputs.get("token_type_ids"),
        )

    @torch.no_grad()
    def run_embedded(
        self,
        embeddings: torch.Tensor,
        position_ids: torch.Tensor,
        deepstack: dict | None = None,
        token_types: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Residual stream [L+1, T, D] of the decoder alone, for inputs that are already embedded."""
        deepstack = dict(deepstack or {})
        if deepstack:
            mask = deepstack["visual_pos_masks"]  # of the prompt: nothing that follows it is of the image
            deepstack["visual_pos_masks"] = torch.nn.functional.pad(mask, (0, len(embeddings) - mask.shape[1]))
        caught: dict[int, torch.Tensor] = {}
        hooks = [
            layer.register_forward_pre_hook(catcher(caught, index), with_kwargs=True)
            for index, layer in enumerate([*self.text.layers, self.text.norm])
        ]
        try:
            self.text(**self.text_inputs(embeddings, position_ids, token_types), **deepstack)
        finally:
            for hook in hooks:
                hook.remove()
        return torch.stack([caught[index][0] for index in range(len(caught))])

    def text_inputs(self, embeddings: torch.Tensor, position_ids: torch.Tensor, token_types: torch.Tensor | None) -> dict:
        """What the decoder takes of embeddings [T, D] beside DeepStack features."""
        inputs = {"inputs_embeds": embeddings[None], "position_ids": self.as_taken(position_ids), "use_cache": False}
        if token_types is not None:
            inputs["attention_mask"] = gemma3.masks(self.model, embeddings[None], token_types)
        return inputs

    def as_taken(self, position_ids: torch.Tensor) -> torch.Tensor:
        """Positions [axes, T] as the decoder takes them: with a side for the batch, and without one for a single axis."""
        return position_ids if self.writes_prompt else position_ids[:, None]

    @torch.no_grad()
    def generate(self, forward: Forward, count: int) -> tuple[list[int], bool, float, torch.Tensor, torch.Tensor]:
        """Greedy continuation by argmax over the tokenizer's ids, repeating the whole pass for every token.

        Returns the ids without the end token, whether an end token stopped it, the smallest lead in logits of a chosen
        token, and for the continued sequence the residual stream [L+1, T+n, D] and the position ids [axes, T+n].
        """
        embeddings, positions, residual = forward.residual[0], forward.position_ids, forward.residual
        ids: list[int] = []
        margin = float("inf")
        while len(ids) < count:
            (first, second), (best, _) = (part.tolist() for part in self.token_logits(residual[-1, -1]).topk(2))
            margin = min(margin, first - second)
            if best in self.eos_tokens:
                return ids, True, margin, residual, positions
            ids.append(best)
            embeddings = torch.cat([embeddings, self.text.embed_tokens(torch.tensor([best]))])
            positions = torch.cat([positions, (positions.max() + 1).expand(len(positions), 1)], dim=1)
            residual = self.run_embedded(embeddings, positions, forward.deepstack, forward.token_types)
        return ids, False, margin, residual, positions

    @torch.no_grad()
    def generate_with_transformers(self, prompt: Prompt, count: int) -> list[int]:
        """The same from model.generate, with sampling, penalties and the padding ids switched off."""
        ids = prompt.input_ids[None]
        output = self.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            **prompt.inputs,
            max_new_tokens=count,
            do_sample=False,
            temperature=None,
            top_k=None,
            top_p=None,
            repetition_penalty=1.0,
            suppress_tokens=list(range(self.num_tokens, self.model.lm_head.weight.shape[0])),
        )
        return [token for token in output[0, ids.shape[1] :].tolist() if token not in self.eos_tokens]

    def logits(self, residual: torch.Tensor) -> torch.Tensor:
        """Logit lens: unembedding of the final norm of pre-norm rows; [..., D] → [..., V]."""
        return self.model.lm_head(self.text.norm(residual))

    def token_logits(self, residual: torch.Tensor) -> torch.Tensor:
        """The same without the padding ids; [..., D] → [..., number of tokens]."""
        return self.logits(residual)[..., : self.num_tokens]

    def raw_logits(self, rows: torch.Tensor) -> torch.Tensor:
        """Unembedding without the final norm; [..., D] → [..., V]."""
        return self.model.lm_head(rows)


def catcher(caught: dict[int, torch.Tensor], index: int):
    def catch(_module, args, kwargs):
        caught[index] = (args[0] if args else kwargs["hidden_states"]).detach().clone()

    return catch


def open_image(path: Path) -> Image.Image:
    """Upright and in RGB, as transformers' own load_image opens a file."""
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def find_chat_template(folder: Path) -> str:
    """chat_template.jinja, else chat_template.json, else the entry in tokenizer_config.json."""
    if (folder / "chat_template.jinja").exists():
        return (folder / "chat_template.jinja").read_text(encoding="utf-8")
    for file in ("chat_template.json", "tokenizer_config.json"):
        if (folder / file).exists():
            template = json.loads((folder / file).read_text(encoding="utf-8")).get("chat_template")
            if template:
                return template
    raise FileNotFoundError(f"{folder}: no chat template")


def render_chat(folder: Path, messages: list[dict]) -> str:
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    rendered, _ = render_jinja_template(
        [messages],
        chat_template=find_chat_template(folder),
        add_generation_prompt=True,
        bos_token=settings.get("bos_token") or "",
    )
    return rendered[0]


def read_eos_tokens(folder: Path) -> set[int]:
    for file in ("generation_config.json", "config.json"):
        if (folder / file).exists():
            eos = json.loads((folder / file).read_text(encoding="utf-8")).get("eos_token_id")
            if eos is not None:
                return set(eos) if isinstance(eos, list) else {eos}
    return set()


def resized_rgb(reference: Reference, prompt: Prompt) -> np.ndarray:
    """The picture [H, W, 3] uint8 that the processor normalised, recovered exactly from the patches."""
    processor = reference.image_processor
    patch, merge, frames = processor.patch_size, processor.merge_size, processor.temporal_patch_size
    _, rows, columns = prompt.grid[0].tolist()
    cells = prompt.pixel_values.numpy().reshape(rows // merge, columns // merge, merge, merge, 3, frames, patch, patch)
    picture = cells[:, :, :, :, :, 0].transpose(0, 2, 5, 1, 3, 6, 4).reshape(rows * patch, columns * patch, 3)
    values = (picture * np.array(processor.image_std) + np.array(processor.image_mean)) * 255
    rounded = values.round()
    if np.abs(values - rounded).max() > 1e-3:
        raise ValueError("pixel values are not those of an 8-bit picture")
    return rounded.astype(np.uint8)
