"""Dynamical systems by name, with DAPPER's names and conventions (dt, x0, RK4) where DAPPER has them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

Tendency = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, float, "torch.Generator | None"], Tensor]
"""One time step: (states (..., d), dt, chance) to new states; only systems with noise use the generator."""
CACHED_NUMBERS = 1_000_000
"""Numbers of state that a forecast moves at once: a few arrays of that size stay in the processor's cache."""


def rk4(tendency: Tendency, state: Tensor, dt: float) -> Tensor:
    """One classical Runge-Kutta step of dx/dt = tendency(x); fourth order in ``dt``."""
    k1 = tendency(state)
    k2 = tendency(torch.add(state, k1, alpha=dt / 2))
    k3 = tendency(torch.add(state, k2, alpha=dt / 2))
    k4 = tendency(torch.add(state, k3, alpha=dt))
    return state + k1.add_(k2, alpha=2).add_(k3, alpha=2).add_(k4).mul_(dt / 6)


def runge_kutta(tendency: Tendency) -> Step:
    """The step of a system without noise, from its tendency."""
    return lambda state, dt, generator: rk4(tendency, state, dt)


@dataclass(frozen=True)
class DynamicalSystem:
    """A system and what is known of its climate. Your own: give a ``step``, or a tendency through `runge_kutta`.

    ``climate_mean`` and ``climate_sd`` have one value a component, or one for all: a long run's mean and
    standard deviation. ``bound`` is the largest absolute value a forecast may take; beyond it members are clipped,
    so that one wild member cannot blow up the run.

    Example:
        >>> decay = DynamicalSystem("decay", 2, runge_kutta(lambda x: -x), 0.1, 1, (0.0,), (1.0,), 10.0)
        >>> decay.forecast(torch.ones(5, 2), 10)[0]
        tensor([0.3679, 0.3679])
    """

    name: str
    dimension: int
    step: Step
    dt: float
    steps_between: int
    """Model steps between two observations, unless said otherwise."""
    climate_mean: tuple[float, ...]
    climate_sd: tuple[float, ...]
    bound: float
    labels: tuple[str, ...] = ()
    spin_up: float = 10.0
    """Time that a first state is followed for before it counts as a truth."""
    periodic: bool = True
    """Whether the components stand on a circle: what localisation measures distance by."""
    row_wise: bool = True
    """Whether members move independently of each other, so that a forecast may take them a few at a time."""

    def forecast(self, state: Tensor, steps: int, generator: torch.Generator | None = None) -> Tensor:
        """``steps`` time steps of states (..., d), clipped to ``bound`` after each. The state is not changed."""
        rows = max(1, CACHED_NUMBERS // self.dimension)
        if state.ndim == 2 and len(state) > rows and self.row_wise and state.device.type == "cpu":
            result = torch.empty_like(state)
            for part, out in zip(state.split(rows), result.split(rows), strict=True):
                out.copy_(self.forecast(part, steps, generator))
            return result
        for _ in range(steps):
            moved = self.step(state, self.dt, generator)
            # in place, unless a step hands back the very memory it was given
            aliased = moved.data_ptr() == state.data_ptr()
            state = (moved.clamp if aliased else moved.clamp_)(-self.bound, self.bound)
        return state

    def draw(
        self, shape: int | tuple[int, ...], generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """States from independent normals with the climate's mean and spread, (*shape, d)."""
        lead = (shape,) if isinstance(shape, int) else shape
        noise = torch.randn(*lead, self.dimension, generator=generator, dtype=dtype, device=generator.device)
        mean, sd = noise.new_tensor(self.climate_mean), noise.new_tensor(self.climate_sd)
        return noise.mul_(sd).add_(mean)

    def spun_up(self, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """States on the attractor, (count, d): draws followed for ``spin_up`` time units."""
        return self.forecast(self.draw(count, generator, dtype), round(self.spin_up / self.dt), generator)

    def label(self, component: int) -> str:
        """What to write beside a component's axis."""
        return self.labels[component] if self.labels else f"x{component + 1}"

    @property
    def climatology(self) -> float:
        """RMSE of always answering with the climate's mean: what a useful filter must beat."""
        return (sum(sd * sd for sd in self.climate_sd) / len(self.climate_sd)) ** 0.5


def long_run_climate(
    system: DynamicalSystem, states: int = 64, time: float = 1000.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each component, (d,) each, over ``states`` float64 runs of ``time`` time units.

    They start where `DynamicalSystem.spun_up` ends, and are looked at every ``steps_between`` steps. This is how the
    constants of this module were measured, with the defaults, pooled over components where one value stands for all.

    Example:
        >>> mean, sd = long_run_climate(lorenz63(), states=8, time=20.0)
        >>> bool((sd - torch.tensor([7.9, 9.0, 8.6])).abs().max() < 1)
        True
    """
    chance = torch.Generator().manual_seed(seed)
    state = system.spun_up(states, chance, torch.float64)
    centre = state.new_tensor(system.climate_mean)
    total, squares = torch.zeros_like(state[0]), torch.zeros_like(state[0])
    count = max(1, round(time / (system.dt * system.steps_between)))
    for _ in range(count):
        state = system.forecast(state, system.steps_between, chance)
        total += (state - centre).mean(0)
        squares += (state - centre).square().mean(0)
    shift = total / count
    return centre + shift, (squares / count - shift.square()).sqrt()


def lorenz63(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3) -> DynamicalSystem:
    """Lorenz (1963), Deterministic nonperiodic flow, eqs. 25-27: three variables, two wings, chaotic.

    dt 0.01 and an observation every 12 steps; the climate's figures (`long_run_climate`) are for the default
    parameters.

    Example:
        >>> lorenz63().forecast(torch.tensor([1.0, 1.0, 1.0]), 1).round(decimals=3)
        tensor([1.0130, 1.2600, 0.9850])
    """

    def tendency(state: Tensor) -> Tensor:
        x, y, z = state.unbind(-1)
        return torch.stack((sigma * (y - x), x * (rho - z) - y, x * y - beta * z), dim=-1)

    return DynamicalSystem(
        name="lorenz63",
        dimension=3,
        step=runge_kutta(tendency),
        dt=0.01,
        steps_between=12,
        climate_mean=(0.0, 0.0, 23.55),
        climate_sd=(7.925, 9.01, 8.62),
        bound=100.0,
        labels=("x", "y", "z"),
        periodic=False,
    )


def lorenz96(dimension: int = 40, force: float = 8.0, dt: float = 0.05) -> DynamicalSystem:
    """Lorenz (1996), Predictability, eq. 1: waves on a circle of ``dimension`` sites, chaotic at F = 8.

    dt 0.05 and an observation every step, as DAPPER has it; the climate's figures (`long_run_climate`, 40 sites) are
    for F = 8.

    Raises:
        ValueError: fewer than 4 sites (the advection term needs them).
    """
    if dimension < 4:
        raise ValueError(f"Lorenz-96 needs at least 4 sites, not {dimension}.")

    def tendency(state: Tensor) -> Tensor:
        ahead = state.roll(-1, -1).sub_(state.roll(2, -1))
        return ahead.mul_(state.roll(1, -1)).sub_(state).add_(force)

    return DynamicalSystem("lorenz96", dimension, runge_kutta(tendency), dt, 1, (2.34,), (3.64,), 50.0)


def double_well(noise: float = 0.5, dt: float = 0.01) -> DynamicalSystem:
    """One particle in two wells, dx = 4 x (1 - x^2) dt + ``noise`` dW (Miller, Ghil, Gauthiez 1994), Euler-Maruyama.

    It rests near -1 or 1 and seldom changes wells: by Kramers' formula 0.0003 times a time unit at noise 0.5 and 0.12
    times at noise 1. An observation every 20 steps. The climate's standard deviation is that of the stationary
    density, exp(-2 V / noise^2) with V = x^4 - 2 x^2, by quadrature.

    Raises:
        ValueError: a noise that is not between 0 and 3 (the bound of 5 would cut into the density), or a dt above
            0.05 (beyond 5 Euler's step would then be unstable).
    """
    if not 0 <= noise <= 3:
        raise ValueError(f"The double well's noise must lie between 0 and 3, not {noise}.")
    if not 0 < dt <= 0.05:
        raise ValueError(f"The double well's time step must be positive and at most 0.05, not {dt}.")

    def step(state: Tensor, dt: float, generator: torch.Generator | None) -> Tensor:
        moved = state + 4 * dt * state * (1 - state.square())
        return (
            moved.add_(standard_noise(state, generator, "double_well"), alpha=noise * math.sqrt(dt)) if noise else moved
        )

    sd = 1.0
    if noise:
        x = torch.linspace(-5, 5, 20_001, dtype=torch.float64)
        weights = (-2 / noise**2 * (x**4 - 2 * x**2)).softmax(0)
        sd = float((weights * x.square()).sum().sqrt())
    return DynamicalSystem("double_well", 1, step, dt, 20, (0.0,), (sd,), 5.0, ("x",), periodic=False)


def standard_noise(state: Tensor, generator: torch.Generator | None, name: str) -> Tensor:
    """N(0, I) of the state's shape, dtype and device, from the generator.

    Raises:
        ValueError: without a generator.
    """
    if generator is None:
        raise ValueError(f"The system {name!r} has noise: give its forecast a torch.Generator.")
    return torch.randn(state.shape, generator=generator, dtype=state.dtype, device=state.device)


SYSTEM_NAMES = ("lorenz63", "lorenz96", "kuramoto_sivashinsky", "double_well", "random_walk", "linear")


def system_named(name: str, dimension: int | None = None, **options: Any) -> DynamicalSystem:
    """One of `SYSTEM_NAMES` with ``dimension`` components (None: its own default) and its function's other options.

    ``lorenz63`` always has 3 and ``double_well`` 1, whatever is asked for. ``lorenz96`` takes 4 and more (default
    40), ``kuramoto_sivashinsky`` even numbers from 64 on (128), ``random_walk`` 1 and more (1), ``linear`` even
    numbers for ``rotation`` (2), 2 and more for ``advection`` (40), and else the matrix' own.

    Raises:
        ValueError: an unknown name or option, or a dimension the system cannot have.

    Example:
        >>> system_named("linear", 10, matrix="advection").dimension
        10
    """
    from bethink.tools.filtering.kuramoto_sivashinsky import kuramoto_sivashinsky
    from bethink.tools.filtering.linear_systems import linear, random_walk

    makers: dict[str, Callable[..., DynamicalSystem]] = dict(
        zip(SYSTEM_NAMES, (lorenz63, lorenz96, kuramoto_sivashinsky, double_well, random_walk, linear), strict=True)
    )
    if name not in makers:
        raise ValueError(f"There is no system {name!r}. Choose from {', '.join(SYSTEM_NAMES)}.")
    known = [option for option in inspect.signature(makers[name]).parameters if option != "dimension"]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"The system {name!r} has no option {unknown[0]!r}. Its options are {', '.join(known)}.")
    if dimension is not None and name not in ("lorenz63", "double_well"):
        options = {**options, "dimension": dimension}
    return makers[name](**options)


def like_state(values: Tensor) -> Callable[[Tensor], Tensor]:
    """Gives ``values`` in the dtype and on the device of a state, converted once for each."""

    @lru_cache(maxsize=4)
    def converted(dtype: torch.dtype, device: torch.device) -> Tensor:
        return values.to(dtype=dtype, device=device)

    return lambda state: converted(state.dtype, state.device)
