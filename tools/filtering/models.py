"""Dynamical systems by name, with DAPPER's names and conventions (dt, x0, RK4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Tendency = Callable[[Tensor], Tensor]


def rk4(tendency: Tendency, state: Tensor, dt: float) -> Tensor:
    """One classical Runge-Kutta step of dx/dt = tendency(x); fourth order in ``dt``."""
    k1 = tendency(state)
    k2 = tendency(torch.add(state, k1, alpha=dt / 2))
    k3 = tendency(torch.add(state, k2, alpha=dt / 2))
    k4 = tendency(torch.add(state, k3, alpha=dt))
    return state + k1.add_(k2, alpha=2).add_(k3, alpha=2).add_(k4).mul_(dt / 6)


@dataclass(frozen=True)
class DynamicalSystem:
    """A system and what is known of its climate.

    ``climate_mean`` and ``climate_sd`` have one value a component, or one for all: a long run's mean and
    standard deviation. ``bound`` is the largest absolute value a forecast may take; beyond it members are clipped,
    so that one wild member cannot blow up the run.
    """

    name: str
    dimension: int
    tendency: Tendency
    dt: float
    steps_between: int
    """Model steps between two observations, unless said otherwise."""
    climate_mean: tuple[float, ...]
    climate_sd: tuple[float, ...]
    bound: float
    labels: tuple[str, ...] = ()

    def forecast(self, state: Tensor, steps: int) -> Tensor:
        """``steps`` time steps of states (..., d), clipped to ``bound`` after each."""
        for _ in range(steps):
            state = rk4(self.tendency, state, self.dt).clamp_(-self.bound, self.bound)
        return state

    def draw(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """``count`` states from independent normals with the climate's mean and spread, (count, d)."""
        noise = torch.randn(count, self.dimension, generator=generator, dtype=dtype, device=generator.device)
        mean, sd = noise.new_tensor(self.climate_mean), noise.new_tensor(self.climate_sd)
        return noise.mul_(sd).add_(mean)

    def spun_up(self, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """One state on the attractor, (d,): a draw followed for ten time units."""
        return self.forecast(self.draw(1, generator, dtype), round(10 / self.dt))[0]

    def label(self, component: int) -> str:
        """What to write beside a component's axis."""
        return self.labels[component] if self.labels else f"x{component + 1}"

    @property
    def climatology(self) -> float:
        """RMSE of always answering with the climate's mean: what a useful filter must beat."""
        return (sum(sd * sd for sd in self.climate_sd) / len(self.climate_sd)) ** 0.5


def lorenz63(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3) -> DynamicalSystem:
    """Lorenz (1963), Deterministic nonperiodic flow, eqs. 25-27: three variables, two wings, chaotic.

    dt 0.01 and an observation every 12 steps; the climate's figures are for the default parameters.

    Example:
        >>> lorenz63().forecast(torch.tensor([1.0, 1.0, 1.0]), 1).round(decimals=3)
        tensor([1.0130, 1.2600, 0.9850])
    """

    def tendency(state: Tensor) -> Tensor:
        x, y, z = state.unbind(-1)
        return torch.stack((sigma * (y - x), x * (rho - z) - y, x * y - beta * z), dim=-1)

    return DynamicalSystem(
        "lorenz63", 3, tendency, 0.01, 12, (0.0, 0.0, 23.55), (7.92, 9.01, 8.64), 100.0, ("x", "y", "z")
    )


def lorenz96(dimension: int = 40, force: float = 8.0, dt: float = 0.05) -> DynamicalSystem:
    """Lorenz (1996), Predictability, eq. 1: waves on a circle of ``dimension`` sites, chaotic at F = 8.

    dt 0.05 and an observation every step, as DAPPER has it; the climate's figures are for F = 8.

    Raises:
        ValueError: fewer than 4 sites (the advection term needs them).
    """
    if dimension < 4:
        raise ValueError(f"Lorenz-96 needs at least 4 sites, not {dimension}.")

    def tendency(state: Tensor) -> Tensor:
        ahead = state.roll(-1, -1).sub_(state.roll(2, -1))
        return ahead.mul_(state.roll(1, -1)).sub_(state).add_(force)

    return DynamicalSystem("lorenz96", dimension, tendency, dt, 1, (2.34,), (3.64,), 50.0)


def system_named(name: str, dimension: int = 40) -> DynamicalSystem:
    """The system ``lorenz63`` or ``lorenz96``; ``dimension`` counts only for the latter.

    Raises:
        ValueError: unknown name, or a dimension the system cannot have.
    """
    if name == "lorenz63":
        return lorenz63()
    if name == "lorenz96":
        return lorenz96(dimension)
    raise ValueError(f"There is no system {name!r}. Choose from lorenz63, lorenz96.")
