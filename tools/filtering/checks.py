"""What every filter asks of its input, in sentences."""

from __future__ import annotations

import torch
from torch import Tensor

from bethink.tools.filtering.operators import ObservationOperator


def check_input(forecast: Tensor, observation: Tensor, operator: ObservationOperator, sd: float | Tensor) -> None:
    """Check one analysis' input: forecast (..., M, d), observation (..., p), sd a number or (p,).

    Raises:
        ValueError: fewer than 2 members, a forecast that is not finite, or shapes that do not fit.
    """
    if forecast.ndim < 2 or forecast.shape[-2] < 2:
        raise ValueError(f"The forecast must be (members, d) with at least 2 members, not {tuple(forecast.shape)}.")
    # a sum is NaN or infinite if one term is, and makes no mask as large as the ensemble
    if not bool(torch.isfinite(forecast.sum())) and not bool(torch.isfinite(forecast).all()):
        raise ValueError("The forecast holds NaN or infinity: the model has blown up. Use a smaller time step.")
    if torch.isinf(observation).any():
        raise ValueError("An observation is infinite. Mark what is missing with NaN.")
    seen = operator.observe(forecast[..., :1, :]).squeeze(-2).shape
    if observation.shape != seen:
        raise ValueError(
            f"The operator {operator.name!r} sees {tuple(seen)} values of this state, "
            f"but the observation has {tuple(observation.shape)}."
        )
    level = torch.as_tensor(sd)
    if not bool((level > 0).all()) or not bool(torch.isfinite(level).all()):
        raise ValueError(f"The observation noise must be a positive, finite standard deviation, not {sd}.")
