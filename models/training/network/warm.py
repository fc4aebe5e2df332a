"""The exported checkpoint back in the form that is trained: the first block's MLP as the bank of shared kernels that it was written from."""
from __future__ import annotations

import os

import torch

from network import model as M


def load(folder):
    from transformers import Qwen2_5_VLForConditionalGeneration
    return Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)


@torch.no_grad()
def tower_from(visual, pixels):
    """transformers' vision tower (written by Tower.write_into) -> (Tower, largest relative error of the bank's matrices). pixels: normalised images
    whose statistics give the kernels their coordinates; the function that is computed does not depend on them."""
    tower = M.Tower(pixels)
    tower.embedding.copy_(visual.patch_embed.proj.weight.sum(2).reshape(M.VISION_WIDTH, 588))
    tower.bank = bank = M.Bank(tower.embedding, pixels)
    first, n = visual.blocks[0], len(M.PLACES)
    places = bank.basis.permute(1, 0, 2).reshape(bank.basis.shape[1], -1)  # [147, P * C]
    for name, layer in (('gate', first.mlp.gate_proj), ('up', first.mlp.up_proj)):
        w = layer.weight.reshape(n, M.KERNELS, M.VISION_WIDTH).permute(1, 0, 2).reshape(M.KERNELS, -1)
        getattr(bank, name).copy_(torch.linalg.lstsq(places.T.double(), w.T.double()).solution.T.float())
        getattr(bank, name + '_bias').copy_(layer.bias[:M.KERNELS])
    down = first.mlp.down_proj.weight.reshape(M.VISION_WIDTH, n, M.KERNELS).permute(1, 0, 2).reshape(n, -1)
    bank.down.copy_(torch.linalg.lstsq(bank.quarter.double(), down.double()).solution.float().reshape(4, M.VISION_WIDTH, M.KERNELS))
    bank.norm.copy_(first.norm2.weight)
    for b, v in zip(tower.blocks, visual.blocks[1:]):
        b.norm1.copy_(v.norm1.weight), b.norm2.copy_(v.norm2.weight)
        for here, there in ((b.qkv, v.attn.qkv), (b.proj, v.attn.proj)):
            here.weight.copy_(there.weight), here.bias.copy_(there.bias)
        for here, there in ((b.gate, v.mlp.gate_proj), (b.up, v.mlp.up_proj)):
            here.weight.copy_(there.weight[:M.PLAIN_MLP]), here.bias.copy_(there.bias[:M.PLAIN_MLP])
        b.down.weight.copy_(v.mlp.down_proj.weight[:, :M.PLAIN_MLP]), b.down.bias.copy_(v.mlp.down_proj.bias)
    tower.merger_norm.copy_(visual.merger.ln_q.weight)
    for here, there in ((tower.merge1, visual.merger.mlp[0]), (tower.merge2, visual.merger.mlp[2])):
        here.weight.copy_(there.weight), here.bias.copy_(there.bias)
    worst = 0.0
    for w, layer in zip(bank.weights()[::2], (first.mlp.gate_proj, first.mlp.up_proj)):
        worst = max(worst, ((w - layer.weight).norm() / layer.weight.norm()).item())
    worst = max(worst, ((bank.weights()[4] - first.mlp.down_proj.weight).norm() / first.mlp.down_proj.weight.norm()).item())
    return tower, worst


def starting_folder():
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'demo')
