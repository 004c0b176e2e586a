"""One pseudo-time step of the Ensemble Score Filter as a single compiled kernel, where a C++ compiler is there.

Written out, a step makes some fifteen passes over its block of members; compiled by torch it makes one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from bethink.tools.filtering.operators import PointwiseOperator

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""(z, members, observation, precision, raw noise, coefficients of the step) to the next z.

The precision is 1 / sd^2, and 0 where the observation is missing (which then holds any number but NaN).
"""


@lru_cache(maxsize=32)
def fused_step(operator: PointwiseOperator) -> Kernel:
    """The Euler-Maruyama step for the ``own`` prior and an operator that sees every component.

    The first call for each shape takes some seconds to compile; torch keeps what it compiled on disk.

    Raises:
        ValueError: an operator with a stride.
    """
    if operator.stride != 1:
        raise ValueError("Compiled steps need an operator that sees every component: use compiled=False.")

    def step(z: Tensor, members: Tensor, observation: Tensor, precision: Tensor, raw: Tensor, c: Tensor) -> Tensor:
        likelihood = (observation - operator.function(z)) * operator.derivative(z) * precision
        score = (likelihood * c[0] - z * c[1] + members * c[2]).clamp(-c[3], c[3])
        return z * c[4] + score * c[5] + (raw.to(z.dtype) - c[6]) * c[7]

    compiled: Any = torch.compile(step, dynamic=False)
    return compiled
