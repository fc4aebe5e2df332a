"""Writes data/fixtures/jacobian: a Jacobian lens of a tiny checkpoint in both layouts, and what autograd says of its products.

    python jacobian.py [--out FOLDER]

The lens is fitted by reverse mode, row by row (models/lenses/fit_jacobian.py). The products come from forward mode, which never forms
the matrix: with h added at all of the lens's positions at once before block l, the derivative of the sum of h[L] over these positions,
divided by their number, is J[l] h of one prompt.
"""

import argparse
import sys
from pathlib import Path

import torch
import torch.autograd.forward_ad as forward_mode
from safetensors.torch import save_file

from cases import PROMPTS
from reference import Prompt, Reference, open_image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "lenses"))

import fit_jacobian  # noqa: E402

CHECKPOINT = "qwen2-5-vl-untied-f32"
IMAGES = ["portrait-140x196.png", "square-112x112.png"]
ROWS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "fixtures")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of additions, and with it the last bit, depends on the number of threads
    folder = options.out / "jacobian"
    folder.mkdir(parents=True, exist_ok=True)
    reference = Reference(options.out / "checkpoints" / CHECKPOINT)
    files = [options.out / "images" / name for name in IMAGES]
    prompts = [reference.prepare(open_image(file), PROMPTS["en"]) for file in files]
    matrices, rows = fit_jacobian.fit(reference, prompts, 16)
    # The products do not depend on an error, and what is measured on the images that were fitted on would be none.
    label = {"name": "Якоби", "prompt": PROMPTS["en"], "images": {"fitted": fit_jacobian.hashes(files), "heldOut": []}}
    label["createdAt"] = "2026-11-27T00:00:00Z"  # the same bytes each time
    fit_jacobian.save(folder / "lens.safetensors", reference, matrices, rows, None, **label)
    fit_jacobian.save_public(folder / "lens.pt", matrices, len(prompts))
    states = reference.run(prompts[0]).residual[:-1, -ROWS:]
    products = torch.stack(
        [
            torch.stack([sum(product(reference, prompt, layer, row) for prompt in prompts) / len(prompts) for row in layer_rows])
            for layer, layer_rows in enumerate(states)
        ]
    )
    worst = (torch.einsum("lij,lrj->lri", matrices, states) - products).abs().max().item()
    print(f"largest difference between forward and reverse mode: {worst:.2e}, largest product {products.abs().max():.2f}")
    save_file({"rows": states.contiguous(), "products": products.contiguous()}, folder / "products.safetensors")


def product(reference: Reference, prompt: Prompt, layer: int, row: torch.Tensor) -> torch.Tensor:
    """[D]: J[layer] of this prompt times the row."""
    forward = reference.run(prompt)
    start, length = prompt.image_span[0], len(prompt.input_ids)
    final: list[torch.Tensor] = []
    with forward_mode.dual_level():

        def push(_module, args, kwargs):
            states = args[0] if args else kwargs["hidden_states"]
            tangent = torch.zeros_like(states)
            tangent[:, start:] = row
            states = forward_mode.make_dual(states, tangent)
            return ((states, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": states})

        hooks = [
            reference.text.layers[layer].register_forward_pre_hook(push, with_kwargs=True),
            reference.text.norm.register_forward_pre_hook(lambda _module, args: final.append(args[0])),
        ]
        try:
            reference.text(
                inputs_embeds=forward.residual[0][None],
                position_ids=reference.as_taken(forward.position_ids),
                use_cache=False,
                **forward.deepstack,
            )
        finally:
            for hook in hooks:
                hook.remove()
        tangent = forward_mode.unpack_dual(final[0]).tangent
    return tangent[0, start:length].sum(0) / (length - start)


if __name__ == "__main__":
    main()
