"""Linear systems with Gaussian noise: random walks, rotations, advection, and any matrix of your own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bethink.tools.filtering.models import DynamicalSystem, like_state, standard_noise

MOST_DENSE = 5000
"""Largest dimension of the named linear systems, whose matrix is dense (200 MB in double precision)."""
DAMPING = 0.98
"""Factor a step of the named linear systems: DAPPER's ``damp`` in its ``LA.raanes2015``."""


def random_walk(
    dimension: int = 1,
    noise: float | Sequence[float] = 1.0,
    dt: float = 1.0,
    start_mean: float | Sequence[float] = 0.0,
    start_sd: float | Sequence[float] | None = None,
) -> DynamicalSystem:
    """x + sqrt(dt) ``noise`` N(0, I): for quantities of which only the pace of change is known.

    ``noise`` is the standard deviation that a time unit adds, one number or one a component. A walk has no climate:
    in its place stand ``start_mean`` and ``start_sd``, what is believed of the first state. The default spread is ten
    times the noise (what 100 time units add), and 1 where there is no noise.

    Raises:
        ValueError: a dimension below 1, a dt that is not positive, or numbers that are negative, not finite or not
            one a component.
    """
    if dimension < 1:
        raise ValueError(f"A random walk needs at least 1 dimension, not {dimension}.")
    if not (dt > 0 and math.isfinite(dt)):
        raise ValueError(f"The time step must be a positive number, not {dt}.")
    sd = _per_component("noise", noise, dimension)
    shake = _shaken("random_walk", sd)

    def step(state: Tensor, dt: float, generator: torch.Generator | None) -> Tensor:
        return shake(state, math.sqrt(dt), generator)

    return DynamicalSystem(
        name="random_walk",
        dimension=dimension,
        step=step,
        dt=dt,
        steps_between=1,
        climate_mean=_per_component("start_mean", start_mean, dimension, signed=True),
        climate_sd=_start_sd(start_sd, sd, dimension),
        bound=math.inf,
        spin_up=0.0,
        periodic=False,
    )


def linear(
    matrix: str | Tensor | Sequence[Sequence[float]] = "rotation",
    noise: float | Sequence[float] = 0.1,
    dimension: int | None = None,
    start_mean: float | Sequence[float] = 0.0,
    start_sd: float | Sequence[float] | None = None,
) -> DynamicalSystem:
    """x A^T + ``noise`` N(0, I) a step: Kalman's world, where the exact answer is known.

    ``matrix`` is A, (d, d), or ``rotation`` (`damped_rotation`, 2 components unless ``dimension`` says otherwise) or
    ``advection`` (`damped_advection`, 40). ``noise`` is a standard deviation, one or one a component. If A is stable,
    the climate is the stationary law's: mean 0 and the diagonal of P = A P A^T + Q. If it is not (a position with a
    velocity, say), or nothing disturbs it, ``start_mean`` and ``start_sd`` say what is believed of the first state,
    as in `random_walk`.

    Raises:
        ValueError: an unknown name, a matrix that is not square and finite, or numbers that do not fit.

    Example:
        >>> moving = linear([[1.0, 1.0], [0.0, 1.0]], noise=0.0)
        >>> moving.forecast(torch.tensor([[0.0, 2.0]]), 3)
        tensor([[6., 2.]])
    """
    a = _matrix(matrix, dimension)
    size = len(a)
    sd = _per_component("noise", noise, size)
    shake = _shaken("linear", sd)
    transposed = like_state(a.T.contiguous())
    stationary: tuple[float, ...] | None = None
    if start_sd is None and any(sd):
        # a named A is DAMPING times an orthogonal matrix
        exact = isinstance(matrix, str) and len(sd) == 1
        stationary = (sd[0] / math.sqrt(1 - DAMPING**2),) if exact else _stationary_sd(a, sd)

    def step(state: Tensor, dt: float, generator: torch.Generator | None) -> Tensor:
        return shake(state @ transposed(state), 1.0, generator)

    return DynamicalSystem(
        name="linear",
        dimension=size,
        step=step,
        dt=1.0,
        steps_between=1,
        climate_mean=_per_component("start_mean", start_mean, size, signed=True),
        climate_sd=stationary or _start_sd(start_sd, sd, size),
        bound=math.inf,
        spin_up=0.0,
        periodic=isinstance(matrix, str) and matrix == "advection",
    )


def damped_rotation(dimension: int = 2, period: float = 20.0, damping: float = DAMPING) -> Tensor:
    """Pairs of components that turn once in ``period`` steps while they shrink by ``damping`` a step, (d, d) float64.

    Raises:
        ValueError: a dimension that is not even, or is above `MOST_DENSE`.
    """
    if dimension < 2 or dimension % 2 or dimension > MOST_DENSE:
        raise ValueError(f"A rotation needs an even dimension from 2 to {MOST_DENSE}, not {dimension}.")
    c, s = damping * math.cos(2 * math.pi / period), damping * math.sin(2 * math.pi / period)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    return torch.kron(torch.eye(dimension // 2, dtype=torch.float64), turn)


def damped_advection(dimension: int = 40, damping: float = DAMPING) -> Tensor:
    """Every value moves one site ahead on a circle and shrinks by ``damping``, (d, d) float64.

    DAPPER's linear advection in its exact case dt = dx / c, with the damping of its ``raanes2015`` settings.

    Raises:
        ValueError: a dimension below 2 or above `MOST_DENSE`.
    """
    if not 2 <= dimension <= MOST_DENSE:
        raise ValueError(f"Advection needs a dimension from 2 to {MOST_DENSE}, not {dimension}.")
    return damping * torch.eye(dimension, dtype=torch.float64).roll(1, 0)


def _shaken(name: str, sd: tuple[float, ...]) -> Callable[[Tensor, float, torch.Generator | None], Tensor]:
    """Adds factor * sd * N(0, I) to a state; a system without noise needs no generator."""
    scale = like_state(torch.tensor(sd, dtype=torch.float64))

    def shake(state: Tensor, factor: float, generator: torch.Generator | None) -> Tensor:
        if not any(sd):
            return state
        return state + standard_noise(state, generator, name).mul_(factor * scale(state))

    return shake


def _per_component(
    name: str, values: float | Sequence[float], dimension: int, signed: bool = False
) -> tuple[float, ...]:
    """One value, or one a component."""
    given = (float(values),) if isinstance(values, (int, float)) else tuple(float(value) for value in values)
    if len(given) not in (1, dimension):
        raise ValueError(f"{name} must be one number or {dimension}, one a component, not {len(given)}.")
    if not all(math.isfinite(value) and (signed or value >= 0) for value in given):
        raise ValueError(f"{name} must hold finite numbers{'' if signed else ', none negative'}, not {given[:5]}.")
    return given


def _start_sd(start_sd: float | Sequence[float] | None, noise: tuple[float, ...], dimension: int) -> tuple[float, ...]:
    if start_sd is None:
        return tuple(10 * sd if sd else 1.0 for sd in noise)
    return _per_component("start_sd", start_sd, dimension)


def _matrix(matrix: str | Tensor | Sequence[Sequence[float]], dimension: int | None) -> Tensor:
    if isinstance(matrix, str) and matrix == "rotation":
        return damped_rotation() if dimension is None else damped_rotation(dimension)
    if isinstance(matrix, str) and matrix == "advection":
        return damped_advection() if dimension is None else damped_advection(dimension)
    if isinstance(matrix, str):
        raise ValueError(f"There is no linear system {matrix!r}. Choose rotation or advection, or give a matrix.")
    try:
        a = torch.as_tensor(matrix, dtype=torch.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The matrix must be rows of numbers of equal length ({error}).") from error
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not len(a) or not bool(torch.isfinite(a).all()):
        raise ValueError(f"The matrix must be square and finite, not of shape {tuple(a.shape)}.")
    if dimension is not None and dimension != len(a):
        raise ValueError(f"The matrix has {len(a)} components, not {dimension}.")
    return a


def _stationary_sd(a: Tensor, noise: tuple[float, ...]) -> tuple[float, ...] | None:
    """Root of the diagonal of P = A P A^T + Q, by doubling the number of steps (Smith 1968); None if A is unstable."""
    p = torch.diag(torch.tensor(noise, dtype=torch.float64).square().expand(len(a)))
    for _ in range(40):
        p = p + a @ p @ a.T
        a = a @ a
        size = float(a.norm())
        if size < 1e-12:
            return tuple(p.diagonal().sqrt().tolist())
        if not size < 1e12:
            break
    return None
