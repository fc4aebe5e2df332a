"""How far the engine and transformers, both in float32, are from the same weights computed in float64.

    fundus-lens trace IMAGE --model CHECKPOINT --prompt TEXT --positions all --dump ours.safetensors
    python float32_noise.py CHECKPOINT IMAGE --prompt TEXT --dump ours.safetensors

A cell's error is ‖row − row in float64‖ / ‖row in float64‖, for every layer and position. The engine differs from transformers by
more than its own error wherever transformers is further from float64 than the engine is. Both take our pixel values.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

from reference import Reference, open_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--dump", type=Path, required=True)
    options = parser.parse_args()

    dump = load_file(options.dump)
    engine = dump["residual_stream"].double()
    exact = run(options, dump["pixel_values"], torch.float64)
    theirs = run(options, dump["pixel_values"], torch.float32)
    if engine.shape != exact.shape:
        raise SystemExit(f"residual_stream {list(engine.shape)}, {list(exact.shape)} wanted: trace with --positions all")
    errors = {
        "engine": relative(engine, exact),
        "transformers": relative(theirs, exact),
        "engine against transformers": relative(engine, theirs),
    }
    for name, error in errors.items():
        layer, position = divmod(int(error.argmax()), error.shape[1])
        print(
            f"{name:28} median {error.median():.2e}  99 % {error.flatten().quantile(0.99):.2e}  "
            f"worst {error.max():.2e} (layer {layer}, position {position})"
        )
    ratio = errors["engine"] / errors["transformers"].clamp_min(1e-12)
    print(f"engine / transformers        median {ratio.median():.2f}  worst cell {ratio.max():.2f}")


def run(options: argparse.Namespace, pixels: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """float64 [L+1, T, D]"""
    reference = Reference(options.checkpoint, dtype=dtype)
    prompt = reference.prepare(open_image(options.image), options.prompt)
    prompt.pixel_values = pixels.reshape(prompt.pixel_values.shape).to(dtype)
    return reference.run(prompt).residual.double()


def relative(rows: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """float64 [L+1, T]"""
    return (rows - exact).norm(dim=-1) / exact.norm(dim=-1)


if __name__ == "__main__":
    main()
