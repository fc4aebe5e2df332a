"""Shows that the batched forward pass of model.py and transformers give the same numbers: python -m evaluation.check_model ../demo IMAGE"""
from __future__ import annotations

import sys

import torch

from evaluation.evaluate import Reference, Runner, load_image
from language import tasks


def main(folder, image):
    run = Runner(folder)
    ref = Reference(run, folder)
    im = load_image(image)
    for preset in tasks.PRESETS:
        q = tasks.PRESETS[preset]['en']
        x = ref.inputs(im, q)
        t, gh, gw = x['image_grid_thw'][0].tolist()
        with torch.no_grad():
            # undo the processor's patch order: [gh/2, gw/2, 2, 2, 3, 2, 14, 14] -> [1, 3, H, W]
            p = x['pixel_values'].view(gh // 2, gw // 2, 2, 2, 3, 2, 14, 14)[:, :, :, :, :, 0]
            pixels = p.permute(4, 0, 2, 5, 1, 3, 6).reshape(1, 3, gh * 14, gw * 14)
            ours = run.states(run.prefix(pixels), gh // 2, gw // 2, q)[:, 0]
            theirs = ref.states(im, q)
        rel = (ours - theirs).norm(dim=-1) / theirs.norm(dim=-1)
        print(preset, 'largest relative difference of a residual row:', rel.max().item())
        assert rel.max() < 1e-4


if __name__ == '__main__':
    main(*sys.argv[1:3])
