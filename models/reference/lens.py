"""The lens in float64 on float32 logits: log-probabilities over the tokenizer's ids only."""

import torch

TOP_K = 10


def log_probs(logits: torch.Tensor, num_tokens: int) -> torch.Tensor:
    """float64 [..., num_tokens]; ids from num_tokens on belong to no token and get no probability."""
    return torch.log_softmax(logits[..., :num_tokens].double(), dim=-1)


def summarise(values: torch.Tensor, final: torch.Tensor) -> dict[str, torch.Tensor]:
    """Tables of log-probabilities [L+1, T, V] against those of the last layer [T, V].

    Returns top_ids int32 [L+1, T, K], top_log_probs float32 [L+1, T, K], entropy float32 [L+1, T] and
    kl_to_final float32 [L+1, T] = KL(final ‖ layer); all in nats.
    """
    top = values.topk(TOP_K, dim=-1)
    return {
        "top_ids": top.indices.int(),
        "top_log_probs": top.values.float(),
        "entropy": -(values.exp() * values).sum(-1).float(),
        "kl_to_final": (final.exp() * (final - values)).sum(-1).float(),
    }


def smallest_gap(values: torch.Tensor) -> float:
    """Smallest difference between neighbours among the K+1 best; small gaps make the order a matter of rounding."""
    best = values.topk(TOP_K + 1, dim=-1).values
    return float((best[..., :-1] - best[..., 1:]).min())
