"""Fits a Jacobian lens on prompts with images, and measures it on other images beside the logit lens.

    python fit_jacobian.py --images A.jpg B.jpg … --held-out C.jpg … --out lens.safetensors

J[l] is the mean, over images and over the positions from the first image token to the answer, of the sum of d h[L, t'] / d h[l, t] over
t' >= t among these positions: the estimator of the public code (github.com/anthropics/jacobian-lens), on prompts with an image instead of
texts. h[l] is the residual stream on its way into block l, h[L] on its way into the final norm. A state is read as the logit lens of J[l] h.

The file is imported by `fundus-lens lens import`; `--pt FILE` writes the same matrices as the public code does.

Letters in shapes: L blocks, T positions, D model width, B copies of the prompt in a batch.
"""

import argparse
import hashlib
import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models" / "reference"))

from reference import Prompt, Reference, open_image  # noqa: E402

# Those whose content decides a trace, as the software counts them.
DECISIVE = re.compile(
    r"(config|generation_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|chat_template)\.json"
    r"|chat_template\.jinja|.*\.safetensors|model\.safetensors\.index\.json|weights\.bin|prepared\.json"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--prompt", default="Describe this image. Answer with one word.")
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--held-out", type=Path, nargs="+", required=True, help="images of other patients, to measure on")
    parser.add_argument("--name", default="Jacobian lens")
    parser.add_argument("--batch", type=int, default=32, help="rows of J at a time")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pt", type=Path, help="also write the matrices as the public code does")
    options = parser.parse_args()
    reference = Reference(options.model)
    prompts = [prepare(reference, file, options.prompt) for file in options.images]
    matrices, rows = fit(reference, prompts, options.batch)
    held_out = [prepare(reference, file, options.prompt) for file in options.held_out]
    error = measure(reference, held_out, matrices)
    save(options.out, reference, matrices, rows, error, name=options.name, prompt=options.prompt,
         images={"fitted": hashes(options.images), "heldOut": hashes(options.held_out)})
    if options.pt:
        save_public(options.pt, matrices, len(prompts))
    print("layer  all: logit lens, this lens; the answer: logit lens, this lens (KL to the final distribution, nats)")
    for layer in range(len(matrices) + 1):
        print(layer, *(f"{error[place][lens][layer]:.3f}" for place in ("positions", "answer") for lens in ("logit", "lens")))


def prepare(reference: Reference, file: Path, prompt: str) -> Prompt:
    return reference.prepare(open_image(file), prompt)


def fit(reference: Reference, prompts: list[Prompt], batch: int) -> tuple[torch.Tensor, int]:
    """float32 [L, D, D], and the number of positions that the mean is over."""
    reference.model.requires_grad_(False)
    total, rows = 0, 0
    for number, prompt in enumerate(prompts):
        total = total + jacobians(reference, prompt, batch)
        rows += len(prompt.input_ids) - prompt.image_span[0]
        print(f"{number + 1} of {len(prompts)}", file=sys.stderr, flush=True)
    return total / len(prompts), rows


def jacobians(reference: Reference, prompt: Prompt, batch: int) -> torch.Tensor:
    """float32 [L, D, D] of one prompt: backward passes, each for as many rows as there are copies of the prompt."""
    forward = reference.run(prompt)
    places = torch.arange(prompt.image_span[0], len(prompt.input_ids))
    width = forward.residual.shape[-1]
    deepstack = dict(forward.deepstack)
    if deepstack:
        deepstack["visual_pos_masks"] = deepstack["visual_pos_masks"].expand(batch, -1)
        deepstack["deepstack_visual_embeds"] = [each.repeat(batch, 1) for each in deepstack["deepstack_visual_embeds"]]
    states: list[torch.Tensor] = []
    hooks = [
        module.register_forward_pre_hook(
            lambda _module, args, kwargs: states.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
        )
        for module in [*reference.text.layers, reference.text.norm]
    ]
    embeddings = forward.residual[0].expand(batch, -1, -1).clone().requires_grad_()
    try:
        with torch.enable_grad():
            reference.text(
                inputs_embeds=embeddings, position_ids=reference.as_taken(forward.position_ids), use_cache=False, **deepstack
            )
    finally:
        for hook in hooks:
            hook.remove()
    *sources, final = states
    result = torch.zeros(len(sources), width, width)
    for start in range(0, width, batch):
        count = min(batch, width - start)
        cotangent = torch.zeros_like(final)
        for copy in range(count):
            cotangent[copy, places, start + copy] = 1
        gradients = torch.autograd.grad(final, sources, cotangent, retain_graph=start + batch < width)
        for layer, gradient in enumerate(gradients):
            result[layer, start : start + count] = gradient[:count, places].mean(1)
    return result


@torch.no_grad()
def measure(reference: Reference, prompts: list[Prompt], matrices: torch.Tensor) -> dict[str, dict[str, list[float]]]:
    """Mean KL(p[L] || p[l]) by layer 0…L, nats: over all those positions, and where the answer begins."""
    sums = {place: {lens: 0 for lens in ("logit", "lens")} for place in ("positions", "answer")}
    count = 0
    for prompt in prompts:
        states = reference.run(prompt).residual[:, prompt.image_span[0] :]
        mapped = torch.cat([torch.einsum("lij,ltj->lti", matrices, states[:-1]), states[-1:]])
        final = log_probabilities(reference, states[-1])
        count += states.shape[1]
        for lens, rows in (("logit", states), ("lens", mapped)):
            divergence = torch.stack([(final.exp() * (final - log_probabilities(reference, row))).sum(-1) for row in rows])
            sums["positions"][lens] = sums["positions"][lens] + divergence.sum(1)
            sums["answer"][lens] = sums["answer"][lens] + divergence[:, -1]
    number = {"positions": count, "answer": len(prompts)}
    return {
        place: {lens: (value / number[place]).clamp(min=0).tolist() for lens, value in by_lens.items()}
        for place, by_lens in sums.items()
    }


def log_probabilities(reference: Reference, rows: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(reference.token_logits(rows).double(), -1)


def save(file: Path, reference: Reference, matrices: torch.Tensor, rows: int, error: dict | None, **label) -> None:
    """The software's own layout: layers.l.matrix [D, D], and everything else as JSON in the metadata."""
    lens = {
        "kind": "jacobian",
        "model": {
            "id": reference.folder.resolve().name,
            "sha256": fingerprint(reference.folder),
            "numLayers": len(matrices),
            "dModel": matrices.shape[-1],
        },
        **{"maxPixels": None, "ridge": None, "rows": rows, "numPrompts": len(label["images"]["fitted"])},
        **{"layers": list(range(len(matrices))), "patients": None, "error": error, "origin": None},
        "softwareVersion": json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["version"],
        "createdAt": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **label,  # may name another time
    }
    metadata = {"format": "fundus-lens-jacobian", "version": "1", "lens": json.dumps(lens, ensure_ascii=False)}
    save_file({f"layers.{layer}.matrix": matrix.contiguous() for layer, matrix in enumerate(matrices)}, file, metadata)


def save_public(file: Path, matrices: torch.Tensor, num_prompts: int) -> None:
    """As the public code: float16, and keys that are blocks, of which the state is what comes out; what goes into block 0 has none."""
    blocks = {layer - 1: matrix.half() for layer, matrix in enumerate(matrices) if layer > 0}
    torch.save({"J": blocks, "n_prompts": num_prompts, "source_layers": sorted(blocks), "d_model": matrices.shape[-1]}, file)


def fingerprint(folder: Path) -> str:
    """SHA-256 over the lines `sha256  name` of the files that decide a trace, sorted by name."""
    names = sorted(file.name for file in folder.iterdir() if DECISIVE.fullmatch(file.name))
    lines = "".join(f"{digest}  {name}\n" for name, digest in zip(names, hashes([folder / name for name in names])))
    return hashlib.sha256(lines.encode()).hexdigest()


def hashes(files: list[Path]) -> list[str]:
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


if __name__ == "__main__":
    main()
