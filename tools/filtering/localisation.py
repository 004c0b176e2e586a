"""Which observations a place may listen to: far ones are only noise to a small ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

GASPARI_COHN = 1.82
"""Sakov's and DAPPER's convention: at distance ``radius`` the taper is about exp(-1/2); it ends at 2 * 1.82 radius."""
CUTOFF = 1e-3
"""Weights below are left out, as in DAPPER."""


def gaspari_cohn(distance: Tensor, radius: float) -> Tensor:
    """Gaspari and Cohn (1999), eq. 4.10, with DAPPER's meaning of ``radius``: 1 at 0, 0 beyond 3.64 radius."""
    r = distance / (GASPARI_COHN * radius)
    near = 1 - 5 / 3 * r**2 + 5 / 8 * r**3 + r**4 / 2 - r**5 / 4
    safe = r.clamp_min(0.5)
    far = 4 - 5 * r + 5 / 3 * r**2 + 5 / 8 * r**3 - r**4 / 2 + r**5 / 12 - 2 / (3 * safe)
    return torch.where(r <= 1, near, torch.where(r <= 2, far, torch.zeros_like(r))).clamp_min(0)


@dataclass(frozen=True)
class Neighbours:
    """For every component the observations near it, padded: ``index`` and ``taper`` are (d, w), pads have taper 0."""

    index: Tensor
    taper: Tensor


def neighbours(dimension: int, sites: Tensor, radius: float, periodic: bool = True) -> Neighbours:
    """Observations within reach of each of ``dimension`` components in a row, or on a circle.

    ``sites`` (p,) are the components that the observations look at. Cost O(d w), with w the most observations any
    component listens to; no d x p matrix is made. The last few answers are kept (do not change them).

    Raises:
        ValueError: a radius that is not positive.
    """
    if not radius > 0:
        raise ValueError(f"The localisation radius must be positive, not {radius}.")
    return _neighbours(dimension, sites.to("cpu", torch.int64).numpy().tobytes(), radius, periodic)


@lru_cache(maxsize=4)
def _neighbours(dimension: int, sites_: bytes, radius: float, periodic: bool) -> Neighbours:
    sites = torch.frombuffer(bytearray(sites_), dtype=torch.int64)
    order = sites.argsort()
    ordered = sites[order].double()
    reach = 2 * GASPARI_COHN * radius
    if periodic and 2 * reach >= dimension:  # the windows close around the circle: every pair once
        places = torch.arange(dimension, dtype=torch.double)
        gap = (places[:, None] - ordered).abs()
        taper = gaspari_cohn(torch.minimum(gap, dimension - gap), radius)
        index = order.expand(dimension, -1)
        return _trimmed(index, taper)
    if periodic:
        ordered = torch.cat((ordered - dimension, ordered, ordered + dimension))
        order = order.repeat(3)
    places = torch.arange(dimension, dtype=torch.double)
    first = torch.searchsorted(ordered, places - reach)
    after = torch.searchsorted(ordered, places + reach, right=True)
    width = max(int((after - first).max()), 1)
    at = first[:, None] + torch.arange(width)
    inside = at < after[:, None]
    at = at.clamp_max(len(ordered) - 1)
    taper = gaspari_cohn((ordered[at] - places[:, None]).abs(), radius) * inside
    return _trimmed(order[at], taper)


def _trimmed(index: Tensor, taper: Tensor) -> Neighbours:
    """Weights under the cutoff set to zero, and no wider than the widest row needs."""
    taper = torch.where(taper > CUTOFF, taper, torch.zeros_like(taper))
    keep = max(int((taper > 0).sum(-1).max()), 1)
    top = taper.topk(keep, dim=-1, sorted=False)
    return Neighbours(index.gather(-1, top.indices), top.values)
