"""The bootstrap particle filter (Gordon, Salmond, Smith 1993)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bethink.tools.filtering.checks import check_input
from bethink.tools.filtering.operators import ObservationOperator


@dataclass(frozen=True)
class ParticleFilter:
    """Members are weighed by the likelihood and drawn again; exact for M to infinity, lost in high dimensions.

    Cost O(M (p + d)). The number of members it needs grows exponentially with the number of independent
    observations: it is for small systems.

    Options:
        jitter: regularisation; drawn members are moved by ``jitter`` * M^(-1 / (d + 4)) * forecast spread * N(0, 1)
            (Musso, Oudjane, Le Gland 2001), so that copies part again in models without noise.
    """

    jitter: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.jitter < 100:
            raise ValueError(f"jitter must lie between 0 and 100, not {self.jitter}.")

    @torch.no_grad()
    def analyse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Members after the observation: forecast (..., M, d), observation (..., p), to (..., M, d).

        Raises:
            ValueError: what does not fit (see :func:`check_input`).
        """
        check_input(forecast, observation, operator, sd)
        members, dimension = forecast.shape[-2:]
        weights = operator.log_likelihood(forecast, observation, sd).double().softmax(-1)
        chosen = systematic_resampling(weights, generator)
        drawn = forecast.gather(-2, chosen.unsqueeze(-1).expand(forecast.shape))
        if self.jitter == 0:
            return drawn
        bandwidth = self.jitter * members ** (-1 / (dimension + 4))
        noise = torch.randn(drawn.shape, generator=generator, dtype=drawn.dtype, device=drawn.device)
        return drawn + bandwidth * forecast.std(-2, keepdim=True) * noise


def systematic_resampling(weights: Tensor, generator: torch.Generator) -> Tensor:
    """Indices (..., M) of members drawn with probabilities ``weights`` (..., M), by one uniform number a batch.

    Member j comes floor(M w_j) or ceil(M w_j) times (Kitagawa 1996).
    """
    count = weights.shape[-1]
    shift = torch.rand(weights.shape[:-1], generator=generator, dtype=weights.dtype, device=weights.device)
    points = (torch.arange(count, dtype=weights.dtype, device=weights.device) + shift.unsqueeze(-1)) / count
    total = weights.cumsum(-1)
    return torch.searchsorted(total / total[..., -1:], points, right=True).clamp_max_(count - 1)
