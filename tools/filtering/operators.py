"""Observation operators by name: what an instrument sees of a state, how likely that is, and its derivative.

Shapes here and in every filter: states (..., M, d) with M members, observations (..., p); the leading axes are a batch
of independent experiments. A NaN in an observation means that it is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Pointwise = Callable[[Tensor], Tensor]


class ObservationOperator(Protocol):
    """What a filter needs of an instrument: y = H(x) + e with independent errors e of standard deviation ``sd``."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    def observe(self, state: Tensor) -> Tensor:
        """H(x): (..., M, d) to (..., M, p)."""
        ...

    def log_likelihood(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """log p(y | x) up to a constant in x: (..., M)."""
        ...

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """Gradient in x of log p(y | x): (..., M, d)."""
        ...

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor | None:
        """Diagonal of H'(x)^T R^-1 H'(x), broadcastable to (..., M, d); None where it is not known."""
        ...

    def sites(self, dimension: int) -> Tensor | None:
        """The state component that each observation looks at, (p,); None where there is no such thing."""
        ...


@dataclass(frozen=True)
class PointwiseOperator:
    """Every ``stride``-th component seen through one function: y_i = h(x_{i * stride}) + e_i, e Gaussian.

    Example:
        >>> eye = operator_named("arctan", stride=2)
        >>> eye.observe(torch.zeros(5, 4)).shape
        torch.Size([5, 2])
    """

    name: str
    function: Pointwise
    derivative: Pointwise
    stride: int = 1

    def observe(self, state: Tensor) -> Tensor:
        """H(x): (..., d) to (..., ceil(d / stride))."""
        return self.function(state[..., :: self.stride])

    def log_likelihood(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """-|y - h(x)|^2 / (2 sd^2) over what was observed."""
        misfit = known(observation.unsqueeze(-2) - self.observe(state))
        return misfit.square_().div_(variance_of(sd)).sum(-1).mul_(-0.5)

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """h'(x) (y - h(x)) / sd^2 where observed, 0 elsewhere and at missing observations."""
        seen = state[..., :: self.stride]
        misfit = torch.sub(observation.unsqueeze(-2), self.function(seen)).nan_to_num_(nan=0.0)
        return self._spread_out(misfit.mul_(self.derivative(seen)).div_(variance_of(sd)), state)

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """h'(x)^2 / sd^2 where observed, 0 elsewhere and at missing observations."""
        seen = state[..., :: self.stride]
        bend = self.derivative(seen).square().div_(variance_of(sd)) * ~torch.isnan(observation).unsqueeze(-2)
        return self._spread_out(bend, state)

    def sites(self, dimension: int) -> Tensor:
        """0, stride, 2 stride, ...: (ceil(d / stride),)."""
        return torch.arange(0, dimension, self.stride)

    def _spread_out(self, part: Tensor, state: Tensor) -> Tensor:
        if self.stride == 1:
            return part
        whole = torch.zeros_like(state)
        whole[..., :: self.stride] = part
        return whole


@dataclass(frozen=True)
class CallableOperator:
    """Your own differentiable H, (..., d) to (..., p) row by row; gradients by autograd, errors Gaussian.

    With ``density`` the errors may have any law: ``density(y, H(x), sd)`` is log p(y | x) for every value, (..., p);
    values whose observation is NaN are left out. The score and particle filters use it; Kalman's kind cannot, and
    takes ``sd`` for a Gaussian's. ``at`` names the component each value looks at, for filters with localisation.

    Example:
        >>> norm = CallableOperator("norm", lambda x: x.norm(dim=-1, keepdim=True))
        >>> norm.log_likelihood_score(torch.tensor([[3.0, 4.0]]), torch.tensor([6.0]), 1.0)
        tensor([[0.6000, 0.8000]])
        >>> counts = CallableOperator("counts", torch.exp, density=lambda y, rate, sd: y * rate.log() - rate)
        >>> counts.log_likelihood_score(torch.zeros(1, 1), torch.tensor([3.0]), 1.0)
        tensor([[2.]])
    """

    name: str
    function: Pointwise
    density: Callable[[Tensor, Tensor, float | Tensor], Tensor] | None = None
    at: tuple[int, ...] | None = None

    def observe(self, state: Tensor) -> Tensor:
        """H(x): (..., d) to (..., p)."""
        return self.function(state)

    def log_likelihood(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """log p(y | x) over what was observed, (..., M)."""
        seen = self.function(state)
        y = observation.unsqueeze(-2)
        missing = torch.isnan(y)
        y = torch.where(missing, torch.zeros_like(seen), y)  # no NaN may enter the gradient, not even times 0
        if self.density is None:
            values = (y - seen).square() / variance_of(sd) * -0.5
        else:
            values = self.density(y, seen, sd)
        return torch.where(missing, torch.zeros_like(values), values).sum(-1)

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """Gradient of log p(y | x), member by member.

        Raises:
            ValueError: if autograd finds no path from H(x) back to x.
        """
        with torch.enable_grad():
            free = state.detach().requires_grad_(True)
            total = self.log_likelihood(free, observation, sd).sum()
            if not total.requires_grad:
                raise ValueError(
                    f"The observation operator {self.name!r} is not differentiable: its result does not depend "
                    "on the state by torch operations. Write it with torch functions, or use a filter that needs no "
                    "gradient (EnKF, LETKF, ParticleFilter)."
                )
            return torch.autograd.grad(total, free)[0]

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> None:
        """Not known for a general H: such operators need the ``euler`` stepper."""
        return

    def sites(self, dimension: int) -> Tensor | None:
        """``at`` as a tensor, or None."""
        return None if self.at is None else torch.tensor(self.at)


@dataclass(frozen=True)
class ScaledOperator:
    """H(scale * x): an operator for states given in units of ``scale``, with its derivatives by the chain rule."""

    name: str
    inner: ObservationOperator
    scale: float

    def observe(self, state: Tensor) -> Tensor:
        """H(scale * x)."""
        return self.inner.observe(state * self.scale)

    def log_likelihood(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """The inner one's, at scale * x."""
        return self.inner.log_likelihood(state * self.scale, observation, sd)

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """The inner gradient times the scale."""
        return self.inner.log_likelihood_score(state * self.scale, observation, sd).mul_(self.scale)

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor | None:
        """The inner curvature times the scale squared."""
        bend = self.inner.curvature(state * self.scale, observation, sd)
        return None if bend is None else bend * self.scale**2

    def sites(self, dimension: int) -> Tensor | None:
        """The inner one's."""
        return self.inner.sites(dimension)


_POINTWISE: dict[str, tuple[Pointwise, Pointwise]] = {
    "identity": (lambda x: x, torch.ones_like),
    "arctan": (torch.arctan, lambda x: x.square().add_(1).reciprocal_()),
    "cubic": (lambda x: x**3, lambda x: x.square().mul_(3)),
    "abs": (torch.abs, torch.sign),
    "quadratic": (torch.square, lambda x: 2 * x),
    "saturating": (lambda x: x / (1 + x.abs()), lambda x: x.abs().add_(1).square_().reciprocal_()),
}
OPERATOR_NAMES = tuple(_POINTWISE)


def operator_named(name: str, stride: int = 1, gain: float = 1.0) -> PointwiseOperator:
    """One of ``identity``, ``arctan``, ``cubic``, ``abs``, ``quadratic``, ``saturating`` (x / (1 + |x|)).

    It sees every ``stride``-th component, through h(gain * x).

    Raises:
        ValueError: unknown name, a stride below 1, or a gain that is not positive.
    """
    if name not in _POINTWISE:
        raise ValueError(f"There is no observation operator {name!r}. Choose from {', '.join(_POINTWISE)}.")
    if stride < 1:
        raise ValueError(f"The stride must be at least 1, not {stride}.")
    if not (gain > 0 and math.isfinite(gain)):
        raise ValueError(f"The gain must be a positive number, not {gain}.")
    function, derivative = _POINTWISE[name]
    if gain == 1:
        return PointwiseOperator(name, function, derivative, stride)
    return PointwiseOperator(name, lambda x: function(gain * x), lambda x: derivative(gain * x).mul_(gain), stride)


def known(innovation: Tensor) -> Tensor:
    """The innovation, a new tensor, with 0 where the observation is missing."""
    return torch.where(torch.isnan(innovation), 0.0, innovation)


def variance_of(sd: float | Tensor) -> float | Tensor:
    """sd^2.

    Raises:
        ValueError: if a number is not positive and finite (tensors are checked by the filters).
    """
    if isinstance(sd, Tensor):
        return sd.square()
    if not (sd > 0 and math.isfinite(sd)):
        raise ValueError(f"The observation noise must be a positive standard deviation, not {sd}.")
    return sd * sd
