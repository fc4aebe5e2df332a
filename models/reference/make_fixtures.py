"""Writes data/fixtures: test images, tiny random checkpoints and what transformers computes with them.

    python make_fixtures.py [--out FOLDER] [--photograph FILE] [--only NAME ...]
"""

import argparse
from pathlib import Path

import torch

import gemma3
import idefics3
from cases import largest_folders, write_cases, write_photograph
from checkpoints import CHECKPOINTS, write_checkpoint
from images import draw_test_images

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "fixtures")
    parser.add_argument("--photograph", type=Path, default=ROOT / "data" / "samples" / "real" / "retina.jpg")
    parser.add_argument("--only", nargs="*", help="names of checkpoints; all when left out")
    options = parser.parse_args()
    torch.set_num_threads(1)  # the order of additions, and with it the last bit, depends on the number of threads

    draw_test_images(options.out / "images")
    for checkpoint in CHECKPOINTS:
        if options.only and checkpoint.name not in options.only:
            continue
        write_checkpoint(checkpoint, options.out / "checkpoints" / checkpoint.name)
        write_cases(checkpoint, options.out)
    photograph = options.photograph
    if not photograph.exists():
        photograph = ROOT.parent / "shared" / "data" / "retina.jpg"
    if photograph.exists():
        write_photograph(photograph, CHECKPOINTS[2], options.out)
    else:
        print(f"{options.photograph} is missing: the numbers of the photograph are left as they are")
    idefics3.write_full_size(options.out)
    gemma3.write_full_size(options.out)
    print(largest_folders(options.out))


if __name__ == "__main__":
    main()
