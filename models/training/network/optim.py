"""Muon for many small matrices at once, shared out over the processes; gradients averaged over the processes."""
from __future__ import annotations

import torch
import torch.distributed as dist


@torch.no_grad()
def average_gradients(params, limit):
    """Averages the gradients over the processes and clips their norm; returns the norm before clipping."""
    for p in params:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = torch.cat([p.grad.reshape(-1) for p in params])
    if dist.is_initialized():
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
    norm = flat.norm()
    flat *= (limit / (norm + 1e-6)).clamp(max=1)
    at = 0
    for p in params:
        p.grad.copy_(flat[at:at + p.numel()].view_as(p))
        at += p.numel()
    return norm.item()


ARITHMETIC = torch.bfloat16


class Muon:
    """Orthogonalised momentum. `matrices`: (parameter, parts), where a matrix of several stacked maps (query, key, value) is taken apart.
    Matrices of one shape go through the Newton-Schulz iteration together; each process does a share of them."""

    def __init__(self, matrices, momentum=0.95, decay=0.02):
        self.parts = [v for p, n in matrices for v in p.data.chunk(n)]
        self.owners = [(p, i, n) for p, n in matrices for i in range(n)]
        self.state = [torch.zeros_like(v) for v in self.parts]
        self.momentum, self.decay = momentum, decay
        world, rank = (dist.get_world_size(), dist.get_rank()) if dist.is_initialized() else (1, 0)
        shapes = {}
        for i, v in enumerate(self.parts):
            shapes.setdefault(tuple(sorted(v.shape)), []).append(i)
        self.mine = [ids[rank::world] for ids in shapes.values() if ids[rank::world]]

    @torch.no_grad()
    def step(self, lr):
        for g, (p, i, n) in zip(self.state, self.owners):
            g.lerp_(p.grad.chunk(n)[i], 1 - self.momentum)
        updates = [torch.zeros_like(v) for v in self.parts]
        for ids in self.mine:
            x = []
            for i in ids:
                p, k, n = self.owners[i]
                u = p.grad.chunk(n)[k].lerp(self.state[i], self.momentum)
                x.append(u.T if u.shape[0] > u.shape[1] else u)
            x = torch.stack(x).to(ARITHMETIC)
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):
                a = x @ x.transpose(1, 2)
                x = 3.4445 * x + (2.0315 * (a @ a) - 4.7750 * a) @ x
            for u, i in zip(x.float(), ids):
                updates[i].copy_(u.T if updates[i].shape[0] > updates[i].shape[1] else u)
        flat = torch.cat([u.reshape(-1) for u in updates])
        if dist.is_initialized():
            dist.all_reduce(flat)
        at = 0
        for v in self.parts:
            v.mul_(1 - lr * self.decay).add_(flat[at:at + v.numel()].view_as(v), alpha=-lr * 0.2 * max(v.shape) ** 0.5)
            at += v.numel()

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        for a, b in zip(self.state, state):
            a.copy_(b)
