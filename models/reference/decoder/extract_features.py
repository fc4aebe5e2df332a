"""Takes the features of a decoder out of a checkpoint with transformers, layer by layer.

    python extract_features.py CHECKPOINT PICTURES OUT.safetensors [--prompt TEXT] [--tokens TOKENS.safetensors]

PICTURES holds labels.csv (column `file`, and the optional columns of the labels) and images/; --tokens also keeps every
image token of the pictures that have lesion masks, with the share of each lesion in the token's cell.

Written, with L decoder layers, N pictures, D width (the order of pictures is `files` in the metadata):
    image_mean     float32 [L+1, N, D]   mean of the image tokens, tokens of outlying norm left out
    last_position  float32 [L+1, N, D]   the last position of the prompt
    vision_output  float32 [N, D]        mean of the vision tower's output
    margin.NAME    float32 [L+1, N]      first token of one answer against the other, logit lens at the last position
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

sys.path.insert(0, str(Path(__file__).parent.parent))
from reference import Reference, open_image  # noqa: E402

MARGINS = {
    "right_eye": ("Right or left eye?", ["Right"], ["Left"]),
    "retinopathy": ("Is there retinopathy?", ["Diabetic", "Mild", "Proliferative"], ["No"]),
}
MASKS = ["disc", "microaneurysms", "haemorrhages", "hard_exudates", "soft_exudates"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--prompt", default="Describe this image.")
    parser.add_argument("--tokens", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)

    reference = Reference(options.checkpoint)
    with open(options.pictures / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tensors: dict[str, list[np.ndarray]] = {}
    tokens: dict[str, list[np.ndarray]] = {}
    token_files: list[str] = []
    grids: list[list[int]] = []
    sinks = []
    for index, row in enumerate(rows):
        picture = open_image(options.pictures / "images" / row["file"])
        prompt = reference.prepare(picture, options.prompt)
        forward = reference.run(prompt)
        start, end = prompt.image_span
        image_rows = forward.residual[:, start:end]
        keep = ordinary_tokens(image_rows)
        sinks.append((~keep).sum(1).tolist())
        mean = (image_rows * keep[..., None]).sum(1) / keep.sum(1)[:, None]
        append(tensors, "image_mean", mean)
        append(tensors, "last_position", forward.residual[:, -1])
        append(tensors, "vision_output", forward.image_embeds.mean(0))
        for name, (question, first, second) in MARGINS.items():
            append(tensors, f"margin.{name}", margin(reference, picture, question, first, second))
        if options.tokens and "hard_exudates" in row.get("masks", ""):
            token_files.append(row["file"])
            _, height, width = prompt.grid[0].tolist()
            grids.append([height // 2, width // 2])
            append(tokens, "tokens", image_rows)
            append(tokens, "shares", torch.from_numpy(mask_shares(options.pictures, row["file"], grids[-1])))
        if index % 50 == 49:
            print(f"{index + 1} of {len(rows)}", flush=True)

    print("tokens left out per layer, mean:", np.round(np.mean(sinks, axis=0), 2).tolist())
    metadata = {
        "files": json.dumps([row["file"] for row in rows]),
        "prompt": options.prompt,
        "checkpoint": options.checkpoint.name,
    }
    axis = {"vision_output": 0}
    save_file(
        {name: np.ascontiguousarray(np.stack(parts, axis=axis.get(name, 1))) for name, parts in tensors.items()},
        options.out,
        metadata,
    )
    if options.tokens:
        save_file(
            {
                "tokens": np.ascontiguousarray(np.concatenate(tokens["tokens"], axis=1)),
                "shares": np.ascontiguousarray(np.concatenate(tokens["shares"], axis=0)),
            },
            options.tokens,
            {"files": json.dumps(token_files), "grids": json.dumps(grids), "fields": json.dumps(MASKS)},
        )


def append(tensors: dict[str, list[np.ndarray]], name: str, value: torch.Tensor) -> None:
    tensors.setdefault(name, []).append(value.float().numpy())


def ordinary_tokens(rows: torch.Tensor) -> torch.Tensor:
    """bool [L+1, N]: tokens whose norm is at most the layer's mean plus two standard deviations (population)."""
    norms = rows.norm(dim=-1)
    return norms <= norms.mean(1, keepdim=True) + 2 * norms.std(1, keepdim=True, correction=0)


@torch.no_grad()
def margin(reference: Reference, picture: Image.Image, question: str, first: list[str], second: list[str]) -> torch.Tensor:
    """[L+1]: largest logit of the first answers' first tokens minus that of the second's."""
    forward = reference.run(reference.prepare(picture, question))
    logits = reference.token_logits(forward.residual[:, -1])
    ids = [[reference.tokenizer.encode(word, add_special_tokens=False).ids[0] for word in words] for words in (first, second)]
    return logits[:, ids[0]].max(1).values - logits[:, ids[1]].max(1).values


def mask_shares(pictures: Path, file: str, grid: list[int]) -> np.ndarray:
    """float32 [N, fields]: share of a token's cell that each mask covers; a missing mask is nothing there."""
    shares = np.zeros((grid[0] * grid[1], len(MASKS)), dtype=np.float32)
    for column, name in enumerate(MASKS):
        path = pictures / "masks" / f"{Path(file).stem}__{name}.png"
        if path.exists():
            mask = Image.open(path).convert("L").point(lambda value: 255 if value else 0)
            shares[:, column] = np.asarray(mask.resize((grid[1], grid[0]), Image.Resampling.BOX)).ravel() / 255
    return shares


if __name__ == "__main__":
    main()
