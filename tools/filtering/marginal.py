"""Bayes' rule for single components seen through any function: exact on a grid of cells, no Gaussian assumed.

Shapes: n components side by side, each with M members, G cells and G + 1 edges; a leading batch axis is allowed
everywhere. Computed in the precision of the members.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

FAR = 6.0
"""The grid ends that many standard deviations of the widest prior away from the mean."""


def cells(mean: Tensor, narrow: Tensor, wide: Tensor, count: int) -> Tensor:
    """Edges (..., n, count + 1) around ``mean`` (..., n): fine on the scale ``narrow``, reaching FAR * ``wide``.

    Spaced as a hyperbolic sine, so that a prior of sd ``narrow`` and one of sd ``wide`` are both resolved.
    """
    half = torch.asinh(FAR * wide / narrow)
    steps = torch.linspace(-1, 1, count + 1, dtype=mean.dtype, device=mean.device)
    return torch.sinh(steps * half.unsqueeze(-1)).mul_(narrow.unsqueeze(-1)).add_(mean.unsqueeze(-1))


def normal_mass(edges: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Mass that N(mean, variance_k) puts into each cell, (..., n, K, G), for K variances (..., n, K)."""
    z = (edges - mean.unsqueeze(-1)).unsqueeze(-2) / variance.sqrt().unsqueeze(-1)
    return torch.special.ndtr(z).diff(dim=-1).clamp_min_(0)


class CellLikelihood:
    """p(y | x) with y = h(x) + N(0, sd^2), averaged over each cell with h taken as straight inside the cell.

    So a likelihood much narrower than its cell still counts in full. ``log`` (..., n, G) is the logarithm of the
    averages; a missing observation (NaN) makes them equal. Errors beyond ``limit`` standard deviations count as that
    far: an impossible observation cannot make every cell impossible.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], edges: Tensor, observation: Tensor, sd: Tensor | float
    ) -> None:
        limit = 30.0 if edges.dtype == torch.float64 else 12.0
        error = sd.unsqueeze(-1) if isinstance(sd, Tensor) else sd
        z = (function(edges) - observation.unsqueeze(-1)) / error
        z = z.nan_to_num_(nan=0.0, posinf=limit, neginf=-limit).clamp_(-limit, limit)
        low, high = z[..., :-1], z[..., 1:]
        # both ends in the lower tail, where the distribution function keeps its digits
        self._mirrored = low + high > 0
        self._low = torch.where(self._mirrored, -high, low)
        self._high = torch.where(self._mirrored, -low, high)
        width = self._high - self._low
        flat = width.abs() < 1e-3
        middle = ((self._low + self._high) / 2).square_().mul_(-0.5).exp_().mul_(1 / math.sqrt(2 * math.pi))
        rise = torch.special.ndtr(self._high) - torch.special.ndtr(self._low)
        average = torch.where(flat, middle, rise / torch.where(flat, 1.0, width))
        self.log = average.clamp_min_(torch.finfo(edges.dtype).tiny).log_()

    def inside(self, cell: Tensor, share: Tensor) -> Tensor:
        """How far into ``cell`` (..., n, M) one must go to pass ``share`` of its likelihood, from 0 to 1."""
        low, high = self._low.gather(-1, cell), self._high.gather(-1, cell)
        mirrored = self._mirrored.gather(-1, cell)
        share = torch.where(mirrored, 1 - share, share)
        below, above = torch.special.ndtr(low), torch.special.ndtr(high)
        z = torch.special.ndtri((below + share * (above - below)).clamp_min_(torch.finfo(share.dtype).tiny))
        width = high - low
        flat = (width.abs() < 1e-2) | ((above - below).abs() < 1e-30)
        depth = torch.where(flat, share, (z - low) / torch.where(flat, 1.0, width)).clamp_(0, 1)
        return torch.where(mirrored, 1 - depth, depth)


def keep_quantiles(z: Tensor, edges: Tensor, mass: Tensor, likelihood: CellLikelihood) -> Tensor:
    """Where members of normal score ``z`` (..., n, M) lie in the posterior with ``mass`` (..., n, G) in its cells.

    The monotone map from prior to posterior: in one dimension the map that a probability-flow diffusion ends at.
    For a Gaussian prior and a linear h it is the ensemble adjustment filter's shift and contraction (Anderson 2001).
    """
    total = mass.cumsum(-1)
    total = total / total[..., -1:]
    quantile = torch.special.ndtr(z).contiguous()
    cell = torch.searchsorted(total, quantile).clamp_max_(mass.shape[-1] - 1)
    above = total.gather(-1, cell)
    below = torch.where(cell > 0, total.gather(-1, (cell - 1).clamp_min(0)), 0.0)
    share = ((quantile - below) / (above - below).clamp_min(torch.finfo(z.dtype).tiny)).clamp_(0, 1)
    depth = likelihood.inside(cell, share)
    return torch.lerp(edges.gather(-1, cell), edges.gather(-1, cell + 1), depth)
