"""How good an ensemble is, at one time: error of its mean, its spread, and its CRPS."""

from __future__ import annotations

import torch
from torch import Tensor


def rmse(members: Tensor, truth: Tensor) -> float:
    """Root mean square error of the ensemble mean over the components; members (M, d), truth (d,)."""
    return float((members.mean(0) - truth).square().mean().sqrt())


def spread(members: Tensor) -> float:
    """Root of the mean (over components) ensemble variance, unbiased; near the RMSE when well calibrated."""
    return float(members.var(0, unbiased=True).mean().sqrt())


def crps(members: Tensor, truth: Tensor) -> float:
    """Continuous ranked probability score, mean over components: E|X - y| - E|X - X'| / 2 (Gneiting and
    Raftery 2007, eq. 20), of the empirical distribution. O(M log M) by sorting; zero only for a perfect ensemble.
    """
    count = len(members)
    ranks = torch.arange(count, dtype=members.dtype, device=members.device).mul_(2).sub_(count - 1)
    gini = (members.sort(0).values * ranks[:, None]).sum(0) / count**2
    return float(((members - truth).abs().mean(0) - gini).mean())
