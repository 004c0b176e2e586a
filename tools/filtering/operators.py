"""Observation operators by name: what an instrument sees of a state, and its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Pointwise = Callable[[Tensor], Tensor]


class ObservationOperator(Protocol):
    """What a filter needs of an instrument with independent errors, y = H(x) + e and e ~ N(0, sd^2).

    States are (members, d), observations (p,). A NaN in the observation means that it is missing.
    """

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    def observe(self, state: Tensor) -> Tensor:
        """H(x): (..., d) to (..., p)."""
        ...

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """Gradient in x of log p(y | x): (members, d)."""
        ...

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor | None:
        """Diagonal of H'(x)^T R^-1 H'(x), broadcastable to (members, d); None where it is not known."""
        ...


@dataclass(frozen=True)
class PointwiseOperator:
    """Every ``stride``-th component seen through one function: y_i = h(x_{i * stride}) + e_i.

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

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """h'(x) (y - h(x)) / sd^2 where observed, 0 elsewhere and at missing observations."""
        seen = state[..., :: self.stride]
        score = _known(observation - self.function(seen)).mul_(self.derivative(seen)).div_(_variance(sd))
        return self._spread_out(score, state)

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """h'(x)^2 / sd^2 where observed, 0 elsewhere and at missing observations."""
        seen = state[..., :: self.stride]
        bend = self.derivative(seen).square().div_(_variance(sd)) * (~torch.isnan(observation))
        return self._spread_out(bend, state)

    def _spread_out(self, part: Tensor, state: Tensor) -> Tensor:
        if self.stride == 1:
            return part
        whole = torch.zeros_like(state)
        whole[..., :: self.stride] = part
        return whole


@dataclass(frozen=True)
class CallableOperator:
    """Your own differentiable H, mapping (members, d) to (members, p), row by row; gradients by autograd.

    Example:
        >>> norm = CallableOperator("norm", lambda x: x.norm(dim=-1, keepdim=True))
        >>> norm.log_likelihood_score(torch.tensor([[3.0, 4.0]]), torch.tensor([6.0]), 1.0)
        tensor([[0.6000, 0.8000]])
    """

    name: str
    function: Pointwise

    def observe(self, state: Tensor) -> Tensor:
        """H(x): (..., d) to (..., p)."""
        return self.function(state)

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """Gradient of -|y - H(x)|^2 / (2 sd^2), member by member.

        Raises:
            ValueError: if autograd finds no path from H(x) back to x.
        """
        with torch.enable_grad():
            free = state.detach().requires_grad_(True)
            misfit = _known(observation - self.function(free)).square().div(_variance(sd)).sum() * -0.5
            if not misfit.requires_grad:
                raise ValueError(
                    f"The observation operator {self.name!r} is not differentiable: its result does not depend "
                    "on the state by torch operations. Write it with torch functions."
                )
            return torch.autograd.grad(misfit, free)[0]

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> None:
        """Not known for a general H: such operators need the ``euler`` stepper."""
        return


@dataclass(frozen=True)
class ScaledOperator:
    """H(scale * x): an operator for states given in units of ``scale``, with its derivatives by the chain rule."""

    name: str
    inner: ObservationOperator
    scale: float

    def observe(self, state: Tensor) -> Tensor:
        """H(scale * x)."""
        return self.inner.observe(state * self.scale)

    def log_likelihood_score(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor:
        """The inner gradient times the scale."""
        return self.inner.log_likelihood_score(state * self.scale, observation, sd).mul_(self.scale)

    def curvature(self, state: Tensor, observation: Tensor, sd: float | Tensor) -> Tensor | None:
        """The inner curvature times the scale squared."""
        bend = self.inner.curvature(state * self.scale, observation, sd)
        return None if bend is None else bend * self.scale**2


_POINTWISE: dict[str, tuple[Pointwise, Pointwise]] = {
    "identity": (lambda x: x, torch.ones_like),
    "arctan": (torch.arctan, lambda x: 1 / (1 + x.square())),
    "cubic": (lambda x: x**3, lambda x: 3 * x.square()),
}


def operator_named(name: str, stride: int = 1) -> PointwiseOperator:
    """The operator ``identity``, ``arctan`` or ``cubic``, on every ``stride``-th component.

    Raises:
        ValueError: unknown name, or a stride below 1.
    """
    if name not in _POINTWISE:
        raise ValueError(f"There is no observation operator {name!r}. Choose from {', '.join(_POINTWISE)}.")
    if stride < 1:
        raise ValueError(f"The stride must be at least 1, not {stride}.")
    return PointwiseOperator(name, *_POINTWISE[name], stride=stride)


def _known(innovation: Tensor) -> Tensor:
    return torch.where(torch.isnan(innovation), 0.0, innovation)


def _variance(sd: float | Tensor) -> float | Tensor:
    if isinstance(sd, Tensor):
        return sd.square()
    if not (sd > 0 and math.isfinite(sd)):
        raise ValueError(f"The observation noise must be a positive standard deviation, not {sd}.")
    return sd * sd
