"""Which image goes with which prompt through which checkpoint, and the numbers that are kept of each."""

import json
import platform
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file

import gemma3
import idefics3
from checkpoints import Checkpoint, write_json
from lens import log_probs, smallest_gap, summarise
from reference import Forward, Prompt, Reference, open_image, resized_rgb

PROMPTS = {"en": "Describe this image. Answer with one word.", "ru": "Что изображено на снимке?"}
GENERATED_TOKENS = 8
FULL_PIXELS = {"portrait-140x196.png"}  # of the others the 8-bit picture is enough

# checkpoint -> (image, prompt); the first case of a checkpoint also keeps the residual stream of the generated tokens
CASES = {
    "qwen2-5-vl-untied-f32": [
        ("portrait-140x196.png", "ru"),
        ("square-112x112.png", "en"),
        ("landscape-224x112.png", "en"),
        ("narrow-97x203.jpg", "ru"),
    ],
    "qwen2-vl-untied-f32": [
        ("portrait-140x196.png", "ru"),
        ("square-112x112.png", "en"),
        ("narrow-97x203.jpg", "en"),
    ],
    "qwen2-5-vl-tied-bf16": [
        ("portrait-140x196.png", "en"),
        ("photo-301x257.png", "en"),
        ("tiny-45x38.png", "ru"),
    ],
    "qwen2-5-vl-untied-f16-sharded": [
        ("nearly-square-168x140.jpg", "ru"),
        ("landscape-224x112.png", "ru"),
        ("narrow-97x203.jpg", "en"),
    ],
    "qwen2-vl-tied-f16": [
        ("nearly-square-168x140.jpg", "en"),
        ("landscape-224x112.png", "ru"),
        ("tiny-45x38.png", "en"),
    ],
    "qwen2-vl-tied-bf16-sharded": [
        ("portrait-140x196.png", "en"),
        ("square-112x112.png", "ru"),
        ("halves-70x126.png", "en"),
    ],
    "qwen3-vl-untied-f32": [
        ("portrait-140x196.png", "ru"),
        ("landscape-224x112.png", "en"),
    ],
    "qwen3-vl-tied-bf16": [
        ("landscape-224x112.png", "ru"),
        ("tiny-45x38.png", "en"),
    ],
    "qwen3-vl-tied-f16": [
        ("photo-301x257.png", "en"),
        ("narrow-97x203.jpg", "ru"),
    ],
    "qwen3-vl-untied-bf16-sharded": [
        ("nearly-square-168x140.jpg", "en"),
        ("halves-70x126.png", "ru"),
    ],
    "qwen3-vl-untied-f16-outliers": [
        ("square-112x112.png", "en"),
        ("narrow-97x203.jpg", "en"),
    ],
    "qwen3-vl-tied-f32-outliers": [
        ("portrait-140x196.png", "en"),
        ("landscape-224x112.png", "ru"),
    ],
    "idefics3-untied-f32": [
        ("portrait-140x196.png", "ru"),
        ("landscape-224x112.png", "en"),
    ],
    "idefics3-tied-f16-whole": [
        ("square-112x112.png", "en"),
        ("tiny-45x38.png", "ru"),
    ],
    "smolvlm-tied-bf16": [
        ("landscape-224x112.png", "ru"),
        ("photo-301x257.png", "en"),
    ],
    "smolvlm-untied-bf16-sharded": [
        ("narrow-97x203.jpg", "en"),
        ("nearly-square-168x140.jpg", "ru"),
    ],
    "smolvlm-untied-f16-outliers": [
        ("halves-70x126.png", "en"),
        ("landscape-224x112.png", "en"),
    ],
    "idefics3-tied-f32-outliers": [
        ("portrait-140x196.png", "en"),
        ("photo-301x257.png", "ru"),
    ],
    "gemma3-tied-f32": [
        ("portrait-140x196.png", "ru"),
        ("landscape-224x112.png", "en"),
    ],
    "gemma3-untied-f32": [
        ("landscape-224x112.png", "en"),
        ("tiny-45x38.png", "ru"),
    ],
    "gemma3-tied-bf16": [
        ("photo-301x257.png", "en"),
        ("portrait-140x196.png", "ru"),
    ],
    "gemma3-untied-bf16-sharded": [
        ("narrow-97x203.jpg", "en"),
        ("square-112x112.png", "ru"),
    ],
    "gemma3-tied-f16-outliers": [
        ("halves-70x126.png", "en"),
        ("landscape-224x112.png", "ru"),
    ],
    "gemma3-untied-f32-outliers": [
        ("nearly-square-168x140.jpg", "ru"),
        ("portrait-140x196.png", "en"),
    ],
}


def write_cases(checkpoint: Checkpoint, fixtures: Path) -> None:
    reference = Reference(fixtures / "checkpoints" / checkpoint.name)
    folder = fixtures / "reference" / checkpoint.name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*"):
        old.unlink()
    entries = []
    for number, (image, language) in enumerate(CASES[checkpoint.name]):
        case = f"{Path(image).stem}-{language}"
        prompt = reference.prepare(open_image(fixtures / "images" / image), PROMPTS[language])
        forward = reference.run(prompt)
        keep = {"keep_continuation": number == 0, "keep_pixels": image in FULL_PIXELS}
        tensors, facts = measure(reference, prompt, forward, **keep)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / f"{case}.safetensors")
        entries.append(
            {
                "id": case,
                "file": f"reference/{checkpoint.name}/{case}.safetensors",
                "image": f"images/{image}",
                **({} if reference.writes_prompt else {"pixels": store_pixels(reference, prompt, image, fixtures)}),
                "prompt": PROMPTS[language],
                "language": language,
                **facts,
            }
        )
        print(f"{checkpoint.name}/{case}: T={len(prompt.input_ids)} {facts['checks']}", flush=True)
    write_json(
        folder / "cases.json",
        {
            "checkpoint": f"checkpoints/{checkpoint.name}",
            "family": checkpoint.family,
            "tied": checkpoint.tied,
            "weightDtype": checkpoint.dtype,
            "keys": checkpoint.keys,
            "config": checkpoint.config,
            "seed": checkpoint.seed,
            "numLayers": checkpoint.layers,
            "dModel": checkpoint.hidden,
            "vocabSize": reference.model.lm_head.weight.shape[0],
            "numTokens": reference.num_tokens,
            "eosTokens": sorted(reference.eos_tokens),
            "attention": "eager",
            "arithmetic": "float32",
            "versions": versions(reference.image_processor),
            "cases": entries,
        },
    )


def measure(
    reference: Reference, prompt: Prompt, forward: Forward, keep_continuation: bool, keep_pixels: bool
) -> tuple[dict[str, torch.Tensor], dict]:
    """All tensors of a case and what cases.json says about it. Raises when the reference contradicts itself."""
    count = reference.num_tokens
    length = len(prompt.input_ids)
    with torch.no_grad():
        lens = log_probs(reference.logits(forward.residual), count)
        raw = log_probs(reference.raw_logits(forward.residual[:, -1]), count)
        notebook = log_probs(reference.raw_logits(forward.hidden_states[-1][-1]), count)
        lens_logits = reference.logits(forward.residual[-1, -1])
    raw_top, notebook_top = raw.topk(10), notebook.topk(10)
    ids, stopped, margin, continued, positions = reference.generate(forward, GENERATED_TOKENS)

    check = {
        # the pre-norm residual through norm and unembedding is what the model itself says
        "lensToLogits": largest(lens_logits - forward.logits),
        # transformers' hidden states are ours, but for the last, which is already normed
        "hiddenStates": max(largest(a - b) for a, b in zip(before_deepstack(forward)[:-1], forward.hidden_states[:-1])),
        "lastHiddenStateIsNormed": largest(reference.text.norm(forward.residual[-1]) - forward.hidden_states[-1]),
        "rowZeroIsImage": largest(forward.residual[0][prompt.input_ids == reference.image_token] - forward.image_embeds),
        "continuation": largest(continued[:, :length] - forward.residual),
    }
    if max(check.values()) > 1e-4:
        raise ValueError(f"the reference contradicts itself: {check}")
    if margin < 5e-3:
        raise ValueError(f"the greedy text hangs on a difference of {margin}: choose another seed")
    if ids != reference.generate_with_transformers(prompt, GENERATED_TOKENS):
        raise ValueError("model.generate gives another text")

    tensors = {
        "image_grid_thw": prompt.grid,
        "input_ids": prompt.input_ids,
        "position_ids": forward.position_ids,
        "image_embeds": forward.image_embeds,
        "residual_stream": forward.residual,
        "logits": forward.logits,
        **summarise(lens, lens[-1]),
        "log_probs_last": lens[:, -1].float(),
        "raw_top_ids": raw_top.indices.int(),
        "raw_top_log_probs": raw_top.values.float(),
        "raw_log_probs_last": raw.float(),
        "raw_notebook_top_ids": notebook_top.indices.int(),
        "raw_notebook_top_log_probs": notebook_top.values.float(),
        "raw_notebook_log_probs_last": notebook.float(),
        "generated_ids": torch.tensor(ids, dtype=torch.int64),
    }
    if reference.is_idefics3:
        tensors["tiles_rgb"] = torch.from_numpy(idefics3.tiles_rgb(prompt.inputs["pixel_values"]))
    if reference.is_gemma3:
        tensors["resized_rgb"] = torch.from_numpy(gemma3.resized_rgb(prompt.inputs["pixel_values"]))
    if reference.writes_prompt and keep_pixels:
        tensors["pixel_values"] = prompt.pixel_values
    if keep_continuation:
        with torch.no_grad():
            later = log_probs(reference.logits(continued[:, length:]), count)
        tensors["continued_residual"] = continued[:, length:]
        tensors["continued_position_ids"] = positions[:, length:]
        tensors |= {f"continued_{name}": value for name, value in summarise(later, later[-1]).items()}
    facts = {
        "resized": resized(reference, prompt),
        "grid": prompt.grid[0].tolist(),
        "imageSpan": list(prompt.image_span),
        "chatText": prompt.chat_text,
        "generatedText": reference.tokenizer.decode(ids, skip_special_tokens=True),
        "stoppedByEos": stopped,
        "smallestGreedyGap": margin,
        "smallestTopGap": smallest_gap(lens),
        "checks": check,
    }
    return tensors, facts


def resized(reference: Reference, prompt: Prompt) -> list[int]:
    """[width, height] at which the vision tower sees the whole image, pixels."""
    _, height, width = prompt.grid[0].tolist()
    if reference.is_gemma3:
        size = reference.image_processor.size
        return [size["width"], size["height"]]
    if reference.is_idefics3:
        tile, side = reference.image_processor.max_image_size["longest_edge"], reference.processor.side
        return [width // side * tile, height // side * tile]
    patch = reference.image_processor.patch_size
    return [width * patch, height * patch]


def before_deepstack(forward: Forward) -> torch.Tensor:
    """The residual stream as transformers' hidden states give it, which are taken before DeepStack features are added."""
    states = forward.residual.clone()
    for block, features in enumerate(forward.deepstack.get("deepstack_visual_embeds") or []):
        states[block + 1][forward.deepstack["visual_pos_masks"][0]] -= features
    return states


def store_pixels(reference: Reference, prompt: Prompt, image: str, fixtures: Path) -> str:
    """Pixel values depend on image and size only, so checkpoints share them; returns the path below the fixtures."""
    picture = resized_rgb(reference, prompt)
    height, width, _ = picture.shape
    path = f"reference/pixels/{Path(image).stem}@{width}x{height}.safetensors"
    (fixtures / path).parent.mkdir(parents=True, exist_ok=True)
    tensors = {"image_grid_thw": prompt.grid, "resized_rgb": torch.from_numpy(picture)}
    if image in FULL_PIXELS:
        tensors["pixel_values"] = prompt.pixel_values
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, fixtures / path)
    return path


def write_photograph(photograph: Path, checkpoint: Checkpoint, fixtures: Path) -> None:
    """A real photograph is reduced far more than the drawn images: only its resizing is kept."""
    reference = Reference(fixtures / "checkpoints" / checkpoint.name)
    image = open_image(photograph)
    prompt = reference.prepare(image, PROMPTS["en"])
    values = prompt.pixel_values.double().reshape(len(prompt.pixel_values), 3, -1)
    path = store_pixels(reference, prompt, photograph.name, fixtures)
    picture = resized_rgb(reference, prompt)
    write_json(
        fixtures / "reference" / "photograph.json",
        {
            "file": photograph.name,
            "source": [image.width, image.height],
            "minPixels": reference.image_processor.size["shortest_edge"],
            "maxPixels": reference.image_processor.size["longest_edge"],
            "resized": [picture.shape[1], picture.shape[0]],
            "grid": prompt.grid[0].tolist(),
            "pixels": path,
            "channelMean": values.mean(dim=(0, 2)).tolist(),
            "channelStd": values.std(dim=(0, 2), unbiased=False).tolist(),
            "versions": versions(reference.image_processor),
        },
    )


def largest(values: torch.Tensor) -> float:
    return float(values.detach().abs().max())


def versions(image_processor: object) -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "pillow": Image.__version__,
        "imageProcessor": type(image_processor).__name__,
        "resample": f"PIL {Image.Resampling(image_processor.resample).name.lower()} on 8-bit pixels",
    }


def largest_folders(fixtures: Path) -> str:
    sizes = {path.name: sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) for path in fixtures.iterdir()}
    return json.dumps(sizes)
