"""From noise to data without training: the reverse ODE of arXiv 2310.14458, in steps that are exact in the schedule.

Forward process (eq. 4): z_t = alpha_t x + beta_t noise, alpha_t = 1 - t, beta_t^2 = t, t in [0, 1]; at t = 1 only noise
is left. The reverse ODE (eq. 8) dz/dt = b_t z - sigma_t^2 / 2 S(z, t) brings noise back to data. With the denoised mean
m = E[x | z] in place of the score S = (alpha m - z) / beta^2 it reads d(z / beta) = m d(alpha / beta), so that a step
from t to s with m held is

    z_s = alpha_s m + (beta_s / beta_t) (z_t - alpha_t m),

which never divides by alpha. Steps after the first carry m on along a straight line in asinh(alpha / beta) (two-step,
second order).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from bethink.tools.density.mixture import DiffusedKernels, KernelMixture

FIRST_TIME = 1e-4
"""Pseudo-time of the last step but one; there beta is 0.01 of a standard deviation."""
BLOCK = 4096


def alpha(t: float) -> float:
    """What is left of the data at pseudo-time t."""
    return 1 - t


def beta(t: float) -> float:
    """Standard deviation of the noise at pseudo-time t."""
    return math.sqrt(t)


def pseudo_times(steps: int, last: float = FIRST_TIME) -> list[float]:
    """``steps`` + 1 times from 1 to 0: denser towards the data, where the score is sharp (t = u^3)."""
    low = last ** (1 / 3)
    return [(low + (1 - low) * (1 - i / (steps - 1))) ** 3 for i in range(steps)] + [0.0]


def _times_from_data(steps: int, first: float) -> list[float]:
    """``steps`` + 1 times from ``first`` to 1: each a fixed multiple of the one before, then evenly spaced."""
    half = steps // 2
    middle = 0.1
    return [first * (middle / first) ** (i / half) for i in range(half)] + [
        middle + (1 - middle) * i / (steps - half) for i in range(steps - half + 1)
    ]


def labels(
    mixture: KernelMixture,
    noise: Tensor,
    steps: int = 20,
    conditions: Tensor | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """The data x (n, d) that noise y (n, d) ends at: the labels of the pairs (y, x). ``conditions`` (n, q).

    Costs ``steps`` passes over all kernels: 2 n J d multiplications and n J exponentials each.

    Raises:
        ValueError: fewer than 2 steps.
    """
    if steps < 2:
        raise ValueError(f"{steps} steps cannot follow the ODE; give at least 2.")
    times = pseudo_times(steps)
    z, last = noise, 1.0
    before: Tensor | None = None
    for index, (t, s) in enumerate(pairwise(times)):
        kernels = DiffusedKernels(mixture, alpha(t), beta(t))
        means = []
        for start in range(0, len(noise), BLOCK):
            part = slice(start, start + BLOCK)
            means.append(kernels.moments(z[part], None if conditions is None else conditions[part]).denoised)
            progress((index + min(1.0, (start + BLOCK) / len(noise))) / steps)
        mean = torch.cat(means)
        z = _step(z, mean, before, last, t, s)
        before, last = mean, t
    return z


def _step(z: Tensor, mean: Tensor, before: Tensor | None, last: float, t: float, s: float) -> Tensor:
    """One step from t to s; with ``before``, the denoised mean at ``last``, m goes on along its line in `_level`."""
    if before is not None and s > 0:
        mean = mean + (mean - before) * (_level(s) - _level(t)) / (2 * (_level(t) - _level(last)))
    return alpha(s) * mean + (beta(s) / beta(t)) * (z - alpha(t) * mean)


def _level(t: float) -> float:
    """The time in which m is nearly straight: alpha / beta close to the noise, its logarithm close to the data."""
    return math.asinh(alpha(t) / beta(t))


def log_prob_along_ode(mixture: KernelMixture, x: Tensor, steps: int = 200, conditions: Tensor | None = None) -> Tensor:
    """log p(x) (n,) by the instantaneous change of variables along the ODE from the data to the noise.

    With u = z / beta and r = alpha / beta the ODE is du/dr = m, and d log p(u)/dr = -tr(dm/du), where
    tr(dm/du) = beta (d + beta^2 div S) / alpha with the exact divergence of the score,
    div S = E_j[|a_j|^2 - tr C_j^-1] - |S|^2 (a_j the score of kernel j, C_j its covariance). Heun's rule, on times
    denser towards the data. It starts where beta is 1e-3 and there takes x for alpha x + beta noise, which is its bias,
    with the steps' error (for rows far from all others, tens of nats); `mixture.log_density` has neither and is what
    `DiffusionDensity.log_prob` returns. This one checks that the sampler's ODE and the density are one thing.
    """
    if conditions is not None and mixture.conditions:
        raise ValueError("The check along the ODE is for densities without conditions.")
    d = x.shape[1]
    first = 1e-6
    times = _times_from_data(steps, first)
    z = x * alpha(times[0])
    gained = torch.zeros(len(x), dtype=x.dtype, device=x.device)

    def slope(u: Tensor, t: float) -> tuple[Tensor, Tensor]:
        a, b = alpha(t), beta(t)
        found = DiffusedKernels(mixture, a, b).moments(u * b, divergence=True)
        assert found.score_square is not None
        score = (a * found.denoised - u * b) / b**2
        divergence = found.score_square - score.square().sum(-1)
        # at t = 1 alpha is 0 and m a constant
        return found.denoised, b * (d + b**2 * divergence) / a if a else torch.zeros_like(divergence)

    u = z / beta(times[0])
    for t, s in pairwise(times):
        change = alpha(s) / beta(s) - alpha(t) / beta(t)
        mean, trace = slope(u, t)
        mean_after, trace_after = slope(u + change * mean, s)
        u = u + change * (mean + mean_after) / 2
        gained = gained + change * (trace + trace_after) / 2
    at_noise = -u.square().sum(-1) / 2 - d / 2 * math.log(2 * math.pi)
    return at_noise + gained - d * math.log(beta(times[0])) + d * math.log(alpha(times[0]))
