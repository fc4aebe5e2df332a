"""Compares a dump of the command line with transformers, in float32 with eager attention, on any checkpoint.

    fundus-lens trace IMAGE --model CHECKPOINT --prompt TEXT --dump ours.safetensors
    python compare.py CHECKPOINT IMAGE --prompt TEXT --dump ours.safetensors

Relative errors are ‖ours − reference‖ / ‖reference‖. When the image had to be resized, the two libraries resize
differently: --use-dumped-pixels gives transformers our pixel values, so that the rows below measure the graphs alone.
"""

import argparse
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from reference import Reference, open_image

PIXEL_TOLERANCE = 1e-5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--dump", type=Path, required=True)
    parser.add_argument("--use-dumped-pixels", action="store_true")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="relative error allowed; exit code 1 beyond it")
    options = parser.parse_args()

    ours = load_file(options.dump)
    reference = Reference(options.checkpoint)
    prompt = reference.prepare(open_image(options.image), options.prompt)
    table = Table()

    pixels = ours.get("pixel_values")
    if pixels is not None:
        if pixels.numel() != prompt.pixel_values.numel():
            table.add("pixel_values", f"shape {list(pixels.shape)}, reference {list(prompt.pixel_values.shape)}", False)
            table.print()
            return 1
        pixels = pixels.reshape(prompt.pixel_values.shape)
        difference = (pixels - prompt.pixel_values).abs()
        text = f"max {difference.max():.3e}  mean {difference.mean():.3e}"
        table.add("pixel_values", text, options.use_dumped_pixels or bool(difference.max() <= PIXEL_TOLERANCE))
        if options.use_dumped_pixels:
            prompt.pixel_values = pixels

    theirs = reference.run(prompt)
    if "position_ids" in ours:
        equal = torch.equal(ours["position_ids"], theirs.position_ids)
        table.add("position_ids", "equal" if equal else "DIFFERENT", equal)
    if "image_embeds" in ours:
        table.compare("image_embeds", ours["image_embeds"], theirs.image_embeds, options.tolerance)
    if "residual_stream" in ours:
        stream = ours["residual_stream"]
        if stream.shape != theirs.residual.shape:
            table.add("residual_stream", f"shape {list(stream.shape)}, {list(theirs.residual.shape)} wanted", False)
        else:
            for layer in range(len(stream)):
                worst = (stream[layer] - theirs.residual[layer]).norm(dim=-1) / theirs.residual[layer].norm(dim=-1)
                note = f"worst position {int(worst.argmax())}: {worst.max():.3e}"
                table.compare(f"residual row {layer}", stream[layer], theirs.residual[layer], options.tolerance, note)
    if "logits" in ours:
        table.compare("logits", *match_logits(ours["logits"], theirs.logits), options.tolerance)
    table.print()
    return 0 if table.passed else 1


def match_logits(ours: torch.Tensor, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Ours may be masked with -inf, or cut off, where ids belong to no token."""
    theirs = theirs[: len(ours)]
    known = torch.isfinite(ours)
    return ours[known], theirs[known]


class Table:
    def __init__(self):
        self.rows: list[tuple[str, str, bool]] = []

    @property
    def passed(self) -> bool:
        return all(passed for _, _, passed in self.rows)

    def add(self, name: str, text: str, passed: bool) -> None:
        self.rows.append((name, text, passed))

    def compare(self, name: str, ours: torch.Tensor, theirs: torch.Tensor, tolerance: float, note: str = "") -> None:
        if ours.shape != theirs.shape:
            self.add(name, f"shape {list(ours.shape)}, reference {list(theirs.shape)}", False)
            return
        relative = float((ours.double() - theirs.double()).norm() / theirs.double().norm())
        largest = float((ours - theirs).abs().max())
        self.add(name, f"relative {relative:.3e}  max {largest:.3e}  {note}".rstrip(), relative <= tolerance)

    def print(self) -> None:
        for name, text, passed in self.rows:
            print(f"{'ok  ' if passed else 'FAIL'}  {name:<18}  {text}")


if __name__ == "__main__":
    sys.exit(main())
