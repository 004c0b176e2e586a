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
FALSE_POSITIONS = 3
"""Evaluations of h with which a member's place in its cell is found."""


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
    averages; a missing observation (NaN) makes them equal. It has a floor, some 13 (in double precision 37) standard
    deviations out: an impossible observation cannot make every cell impossible.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], edges: Tensor, observation: Tensor, sd: Tensor | float
    ) -> None:
        self._function, self._edges, self._observation = function, edges, observation.unsqueeze(-1)
        self._error = sd.unsqueeze(-1) if isinstance(sd, Tensor) else sd
        self._z = self._misfit(edges)
        low, high = self._z[..., :-1], self._z[..., 1:]
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

    def _misfit(self, x: Tensor) -> Tensor:
        """(h(x) - y) / sd, 0 where y is missing."""
        z = (self._function(x) - self._observation) / self._error
        return z.nan_to_num_(nan=0.0, posinf=1e30, neginf=-1e30)

    def place(self, cell: Tensor, share: Tensor) -> Tensor:
        """The x in ``cell`` (..., n, M) below which ``share`` of the cell's likelihood lies.

        The share fixes a misfit; where h(x) has it is found by false position, for cells in which h bends.
        """
        low, high = self._low.gather(-1, cell), self._high.gather(-1, cell)
        mirrored = self._mirrored.gather(-1, cell)
        left, right = self._edges.gather(-1, cell), self._edges.gather(-1, cell + 1)
        inner = torch.where(mirrored, 1 - share, share)
        below, above = torch.special.ndtr(low), torch.special.ndtr(high)
        z = torch.special.ndtri((below + inner * (above - below)).clamp_min_(torch.finfo(share.dtype).tiny))
        z = torch.where(mirrored, -z, z)
        at_left, at_right = self._z.gather(-1, cell) - z, self._z.gather(-1, cell + 1) - z
        flat = ((high - low).abs() < 1e-2) | ((above - below).abs() < 1e-30) | (at_left * at_right > 0)
        even = torch.lerp(left, right, share)
        x = even
        for step in range(FALSE_POSITIONS + 1):
            x = left + (right - left) * (at_left / (at_left - at_right).where(at_left != at_right, 1.0))
            if step == FALSE_POSITIONS:
                break
            at_x = self._misfit(x) - z
            same = at_x * at_left > 0
            left, at_left = torch.where(same, x, left), torch.where(same, at_x, at_left)
            right, at_right = torch.where(same, right, x), torch.where(same, at_right, at_x)
        return torch.where(flat, even, x)


def keep_quantiles(z: Tensor, mass: Tensor, likelihood: CellLikelihood) -> Tensor:
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
    return likelihood.place(cell, share)
