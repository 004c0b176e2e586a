"""One pseudo-time step of the Ensemble Score Filter as a single compiled kernel, where a C++ compiler is there.

Written out, a step makes some fifteen passes over its block of members; compiled by torch it makes one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor

from bethink.tools.filtering.operators import PointwiseOperator

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""(z, members, observation, precision, raw noise, coefficients of the step) to the next z.

The precision is 1 / sd^2, and 0 where the observation is missing (which then holds any number but NaN).
"""


@lru_cache(maxsize=32)
def fused_step(operator: PointwiseOperator, stepper: Literal["euler", "exponential"]) -> Kernel:
    """One step for the ``own`` prior and an operator that sees every component; rows of coefficients below.

    The first call for each shape takes some seconds to compile; torch keeps what it compiled on disk. The kernel is on
    as many threads as torch had when it was compiled, and holds Python's lock meanwhile.

    Raises:
        ValueError: an operator with a stride.
    """
    if operator.stride != 1:
        raise ValueError("Compiled steps need an operator that sees every component: use compiled=False.")

    def euler(z: Tensor, members: Tensor, observation: Tensor, precision: Tensor, raw: Tensor, c: Tensor) -> Tensor:
        likelihood = (observation - operator.function(z)) * operator.derivative(z) * precision
        score = (likelihood * c[0] - z * c[1] + members * c[2]).clamp(-c[3], c[3])
        return z * c[4] + score * c[5] + (raw.to(z.dtype) - c[6]) * c[7]

    def exponential(
        z: Tensor, members: Tensor, observation: Tensor, precision: Tensor, raw: Tensor, c: Tensor
    ) -> Tensor:
        slope = operator.derivative(z)
        likelihood = (observation - operator.function(z)) * slope * precision
        score = likelihood * c[0] - z * c[1] + members * c[2]
        rate = slope * slope * precision * (c[0] * c[5]) + (c[1] * c[5] + c[4])
        shrink = torch.expm1(rate * -c[8])
        move = ((score * c[5] - z * c[4]) * (-shrink / rate)).clamp(-c[3], c[3])
        fresh = (-shrink * (2 + shrink) / (2 * rate)).sqrt()
        return z + move + fresh * ((raw.to(z.dtype) - c[6]) * c[7])

    compiled: Any = torch.compile(euler if stepper == "euler" else exponential, dynamic=False)
    return compiled


def coefficients(
    t: float, dt: float, f: float, g2: float, b2: float, a: float, clip: float, raw: tuple[float, float], stepper: str
) -> tuple[float, ...]:
    """What a step at pseudo-time ``t`` multiplies, in the kernels' order: damping, 1 / b2, a / b2, bound, ...

    ``raw`` is the mean and standard deviation of the raw noise. Euler-Maruyama's own part is z (1 - f dt) + g2 dt S;
    the exponential stepper takes f, g2 and dt themselves, and bounds the displacement.
    """
    mean, sd = raw
    if stepper == "euler":
        return (1 - t, 1 / b2, a / b2, clip, 1 - f * dt, g2 * dt, mean, (g2 * dt) ** 0.5 / sd, dt)
    return (1 - t, 1 / b2, a / b2, g2 * dt * clip, f, g2, mean, g2**0.5 / sd, dt)
