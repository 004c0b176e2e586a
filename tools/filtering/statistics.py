"""How good an ensemble is, at one time. Members are (..., M, d), the truth (..., d); the leading axes are kept."""

from __future__ import annotations

import torch
from torch import Tensor


def rmse(members: Tensor, truth: Tensor) -> Tensor:
    """Root mean square error of the ensemble mean over the components (DAPPER's ``err.rms``)."""
    return (members.mean(-2) - truth).square().mean(-1).sqrt()


def spread(members: Tensor) -> Tensor:
    """Root of the mean (over components) ensemble variance, unbiased; near the RMSE when well calibrated."""
    return members.var(-2, unbiased=True).mean(-1).sqrt()


def crps(members: Tensor, truth: Tensor) -> Tensor:
    """Continuous ranked probability score, mean over components: E|X - y| - E|X - X'| / 2 (Gneiting and
    Raftery 2007, eq. 20), of the empirical distribution. O(M log M) by sorting; zero only for a perfect ensemble.
    """
    count = members.shape[-2]
    ranks = torch.arange(count, dtype=members.dtype, device=members.device).mul_(2).sub_(count - 1)
    gini = (members.sort(-2).values * ranks[:, None]).sum(-2) / count**2
    return ((members - truth.unsqueeze(-2)).abs().mean(-2) - gini).mean(-1)


def coverage(members: Tensor, truth: Tensor, share: float = 0.95) -> Tensor:
    """Share of components whose truth lies between the ensemble's two quantiles that hold ``share`` of it."""
    tail = (1 - share) / 2
    low, high = members.quantile(tail, dim=-2), members.quantile(1 - tail, dim=-2)
    return ((truth >= low) & (truth <= high)).to(members.dtype).mean(-1)


def ranks(members: Tensor, truth: Tensor) -> Tensor:
    """How often the truth has each rank among the members, (..., M + 1); flat when members and truth are alike."""
    count = members.shape[-2]
    rank = (members < truth.unsqueeze(-2)).sum(-2)
    return torch.nn.functional.one_hot(rank, count + 1).sum(-2)
