"""Writes data/fixtures/causal: what transformers computes when states are exchanged, or looks knocked out, by hooks.

    python causal.py [--out FOLDER]

The clean image is images/portrait-140x196.png, the corrupt one the same turned upside down. A state is exchanged on its way
into block l (into the final norm for l = L). Where DeepStack adds features of the image after later blocks, those of the
exchanged positions are exchanged too: they are part of what the positions still carry.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from cases import PROMPTS
from reference import Forward, Prompt, Reference, open_image

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "portrait-140x196.png"
CHECKPOINTS = [
    "qwen2-5-vl-untied-f32",
    "qwen2-5-vl-tied-bf16",
    "qwen2-vl-untied-f32",
    "qwen2-vl-tied-f16",
    "qwen3-vl-untied-f32",
    "qwen3-vl-tied-f32-outliers",
    "idefics3-untied-f32",
    "smolvlm-tied-bf16",
    "gemma3-tied-f32",
    "gemma3-untied-bf16-sharded",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "fixtures")
    parser.add_argument("--only", nargs="*", help="names of checkpoints; all when left out")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of additions, and with it the last bit, depends on the number of threads
    folder = options.out / "causal"
    folder.mkdir(parents=True, exist_ok=True)
    clean = open_image(options.out / "images" / IMAGE)
    clean.transpose(Image.Transpose.ROTATE_180).save(folder / "turned.png")
    corrupt = open_image(folder / "turned.png")
    for name in options.only or CHECKPOINTS:
        reference = Reference(options.out / "checkpoints" / name)
        tensors = measure(reference, [reference.prepare(image, PROMPTS["en"]) for image in (clean, corrupt)])
        save_file({key: value.contiguous() for key, value in tensors.items()}, folder / f"{name}.safetensors")
        print(name, {key: list(value.shape) for key, value in tensors.items()}, flush=True)


def measure(reference: Reference, prompts: list[Prompt]) -> dict[str, torch.Tensor]:
    """Logits [.., number of tokens]: `patched` by layer, set and direction (into corrupt, into clean), `knocked_out` by layer."""
    clean, corrupt = (reference.run(prompt) for prompt in prompts)
    image = (prompts[0].input_ids == reference.image_token).nonzero()[:, 0].tolist()
    end = image[-1] + 1
    length = len(prompts[0].input_ids)
    layers = [0, 1, 2, len(reference.text.layers)]
    sets = {"image": image, "region": image[3::4], "last": [length - 1]}
    patched = [
        torch.stack([patch(reference, base, other, layer, sets[name]) for base, other in ((corrupt, clean), (clean, corrupt))])
        for layer in layers
        for name in sets
    ]
    edges = [(query, key) for query in range(end, length) for key in image[::2]]
    window = 2
    starts = list(range(len(reference.text.layers) - window + 1))
    return {
        "layers": torch.tensor(layers),
        "region": torch.tensor(sets["region"]),
        "edges": torch.tensor(edges),
        "window": torch.tensor([window]),
        "clean": clean.logits[: reference.num_tokens],
        "corrupt": corrupt.logits[: reference.num_tokens],
        "patched": torch.stack(patched).unflatten(0, (len(layers), len(sets))),
        "knocked_out": torch.stack([knock_out(reference, clean, edges, at, at + window) for at in starts]),
    }


@torch.no_grad()
def patch(reference: Reference, base: Forward, other: Forward, layer: int, positions: list[int]) -> torch.Tensor:
    """The base run's logits with the other run's states at these positions before that block."""

    def exchange(_module, args, kwargs):
        states = (args[0] if args else kwargs["hidden_states"]).clone()
        states[0, positions] = other.residual[layer, positions]
        return ((states, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": states})

    deepstack = dict(base.deepstack)
    if deepstack:
        mask = deepstack["visual_pos_masks"][0]
        chosen = torch.zeros_like(mask)
        chosen[positions] = True
        rows = chosen[mask]
        features = [own.clone() for own in deepstack["deepstack_visual_embeds"]]
        for block in range(layer, len(features)):
            features[block][rows] = other.deepstack["deepstack_visual_embeds"][block][rows]
        deepstack["deepstack_visual_embeds"] = features
    modules = [*reference.text.layers, reference.text.norm]
    hook = modules[layer].register_forward_pre_hook(exchange, with_kwargs=True)
    try:
        return run_text(reference, base, deepstack)
    finally:
        hook.remove()


@torch.no_grad()
def knock_out(reference: Reference, base: Forward, edges: list[tuple[int, int]], first: int, end: int) -> torch.Tensor:
    """The base run's logits when in blocks first … end − 1 no position may look at those that are hidden from it."""

    def hide(_module, args, kwargs):
        mask = kwargs["attention_mask"].clone()
        for query, key in edges:
            mask[..., query, key] = torch.finfo(mask.dtype).min
        return args, {**kwargs, "attention_mask": mask}

    hooks = [layer.register_forward_pre_hook(hide, with_kwargs=True) for layer in reference.text.layers[first:end]]
    try:
        return run_text(reference, base, base.deepstack)
    finally:
        for hook in hooks:
            hook.remove()


def run_text(reference: Reference, base: Forward, deepstack: dict) -> torch.Tensor:
    inputs = reference.text_inputs(base.residual[0], base.position_ids, base.token_types)
    output = reference.text(**inputs, **deepstack)
    return reference.model.lm_head(output.last_hidden_state[0, -1])[: reference.num_tokens]


if __name__ == "__main__":
    main()
