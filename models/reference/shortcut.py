"""Writes data/fixtures/shortcut.safetensors: affine maps by NumPy's least squares, for the linear shortcut.

    python shortcut.py [--out FOLDER]

Weighted ridge regression of y - x on [x, 1], as one least-squares problem: every row times the root of its weight, and a row
sqrt(lambda) e_i for every input, so that the bias alone is free.
"""

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parents[2]
ROWS, WIDTH = 96, 24
RIDGES = [0.0, 1e-3, 0.1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "fixtures")
    random = np.random.default_rng(7)
    # Channels of different size, and one far above the others, as in a residual stream.
    scale = np.exp(random.normal(size=WIDTH))
    scale[3] = 40
    x = (random.normal(size=(ROWS, WIDTH)) * scale + random.normal(size=WIDTH)).astype(np.float32)
    y = (x @ (np.eye(WIDTH) + 0.2 * random.normal(size=(WIDTH, WIDTH))) + random.normal(size=(ROWS, WIDTH))).astype(np.float32)
    weights = np.exp(random.normal(size=ROWS)).astype(np.float32)
    solutions = np.stack([solve(*(part.astype(np.float64) for part in (x, y, weights)), ridge) for ridge in RIDGES])
    tensors = {"x": x, "y": y, "weights": weights, "ridges": np.array(RIDGES, np.float32)}
    tensors |= {"matrices": solutions[:, :WIDTH].transpose(0, 2, 1), "biases": solutions[:, WIDTH]}
    out = parser.parse_args().out / "shortcut.safetensors"
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}, out)
    print(out)


def solve(x: np.ndarray, y: np.ndarray, weights: np.ndarray, ridge: float) -> np.ndarray:
    """[D + 1, D], the last row the bias."""
    root = np.sqrt(weights)[:, None]
    penalty = ridge * np.mean(np.sum(weights[:, None] * x**2, axis=0))
    inputs = np.concatenate([root * np.concatenate([x, np.ones((len(x), 1))], 1), np.sqrt(penalty) * np.eye(WIDTH, WIDTH + 1)])
    targets = np.concatenate([root * (y - x), np.zeros((WIDTH, WIDTH))])
    return np.linalg.lstsq(inputs, targets, rcond=None)[0]


if __name__ == "__main__":
    main()
