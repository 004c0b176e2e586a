"""The Kuramoto-Sivashinsky equation: the simplest partial differential equation with chaos, in Fourier space."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from bethink.tools.filtering.models import DynamicalSystem

SHORTEST = 16.0
"""Shortest domain, in units of pi. In many shorter ones the waves come to rest (measured from 8 to 13)."""
CONTOUR = 32
"""Points on the half circle that the coefficients are averaged over."""


def kuramoto_sivashinsky(dimension: int = 128, length: float | None = None, dt: float = 0.25) -> DynamicalSystem:
    """u_t = -u u_x - u_xx - u_xxxx on a circle: ``dimension`` points, by ETDRK4 (Kassam and Trefethen 2005).

    ``length`` is the domain's in units of pi, DAPPER's ``DL``; None takes ``dimension`` / 4, so that every dimension
    has the grid of DAPPER's default (128 points on 32 pi) and its climate. dt 0.25, and an observation every 4 steps,
    one time unit, as in DAPPER's ``KS.bocquet2019``. The mean over the points never changes: a draw from the climate
    has one of about 0.1, which it keeps.

    The climate's figures (`long_run_climate`) are for a length of 32; at 16 the standard deviation is 1.35. The bound
    is 10: the largest value of a long run was 3.8, and white noise clipped at 10 calms down, but at 20 it does not.

    Raises:
        ValueError: an odd dimension, a domain shorter than 16 pi (in many of those the waves come to rest), fewer
            than 2 points a unit of length (they do not resolve the unstable waves well), or a dt that is not positive.

    Example:
        >>> rest = torch.full((2, 128), 0.5)
        >>> bool(torch.allclose(kuramoto_sivashinsky().forecast(rest, 10), rest))
        True
    """
    span = dimension / 4 if length is None else length
    if dimension % 2 or not span >= SHORTEST or not dimension >= 2 * span:
        raise ValueError(
            f"Kuramoto-Sivashinsky needs an even dimension and a length of at least {SHORTEST:g} (in units of pi) "
            f"and at most half the dimension; without a length, a dimension of at least {4 * SHORTEST:g}. "
            f"It was given dimension {dimension}{'' if length is None else f' and length {length:g}'}."
        )
    if not (dt > 0 and math.isfinite(dt)):
        raise ValueError(f"The time step must be a positive number, not {dt}.")

    @lru_cache(maxsize=4)
    def scheme(dt: float, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
        real = torch.float64 if dtype == torch.float64 else torch.float32
        return tuple(part.to(device=device, dtype=real) for part in etdrk4_coefficients(dimension, span, dt))

    def step(state: Tensor, dt: float, generator: torch.Generator | None) -> Tensor:
        slope, full, half, q, f1, f2, f3 = scheme(dt, state.dtype, state.device)
        derivative = torch.complex(torch.zeros_like(slope), slope)

        def advection(v: Tensor) -> Tensor:
            """-u u_x = -(u^2)_x / 2."""
            return torch.fft.rfft(torch.fft.irfft(v, n=dimension).square_()).mul_(derivative)

        v = torch.fft.rfft(state)
        start = advection(v)
        a = (half * v).addcmul_(q, start)
        at_a = advection(a)
        b = (half * v).addcmul_(q, at_a)
        at_b = advection(b)
        c = (half * a).addcmul_(q, (2 * at_b).sub_(start))
        at_c = advection(c)
        v.mul_(full).addcmul_(f1, start).addcmul_(f2, at_a.add_(at_b)).addcmul_(f3, at_c)
        return torch.fft.irfft(v, n=dimension)

    return DynamicalSystem("kuramoto_sivashinsky", dimension, step, dt, 4, (0.0,), (1.32,), 10.0, spin_up=150.0)


def etdrk4_coefficients(dimension: int, length: float, dt: float) -> tuple[Tensor, ...]:
    """-k / 2, exp(L h), exp(L h / 2), Q, f1, 2 f2 and f3 of Kassam and Trefethen (2005), (d / 2 + 1,) float64 each.

    L = k^2 - k^4 for the wavenumbers k = 2 j / ``length``; eq. 2.5's quotients are means over a circle around L h,
    because taken at L h itself they lose all digits where it is small.
    """
    k = torch.arange(dimension // 2 + 1, dtype=torch.float64) * (2 / length)
    lh = dt * (k**2 - k**4)
    slope = -k / 2
    slope[-1] = 0  # the shortest wave's coefficient is real, as irfft asks: it has no derivative here
    angles = math.pi * (torch.arange(CONTOUR, dtype=torch.float64) + 0.5) / CONTOUR
    z = lh[:, None] + torch.polar(torch.ones_like(angles), angles)
    e = z.exp()
    quotients = (
        ((z / 2).exp() - 1) / z,
        (-4 - z + e * (4 - 3 * z + z**2)) / z**3,
        2 * (2 + z + e * (z - 2)) / z**3,
        (-4 - 3 * z - z**2 + e * (4 - z)) / z**3,
    )
    return slope, lh.exp(), (lh / 2).exp(), *(dt * quotient.mean(-1).real for quotient in quotients)
