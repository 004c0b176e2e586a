"""Real observations: an ensemble follows a measured series whose truth nobody knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bethink.tools.filtering.models import DynamicalSystem
from bethink.tools.filtering.observations import ObservationError, ObservedSeries
from bethink.tools.filtering.operators import ObservationOperator
from bethink.tools.filtering.twin import Filter
from bethink.tools.threads import one_thread_if_small

MOST_STEPS = 100_000
"""Most model steps from the first row to the last."""


@dataclass(frozen=True, eq=False)
class Assimilation:
    """What the ensemble made of a series of T rows with p columns; d components.

    ``mean`` and ``sd`` (T, d) are the members' after each row; ``predicted`` and ``predicted_sd`` (T, p) what they
    expected to observe before it, errors of observation not counted. ``innovations`` (T, p) are observation minus
    ``predicted``, NaN where nothing was observed. ``innovation_ratio`` is the mean of
    innovation^2 / (predicted_sd^2 + error sd^2) over what was observed: about 1 if the members and the stated error
    explain the misfits (compare Desroziers et al. 2005), above 1 if the filter is surer than it should be. ``steps``
    (T,) are the model steps before each row. ``notes`` are the series' and what was noticed here.
    """

    times: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    predicted: np.ndarray
    predicted_sd: np.ndarray
    innovations: np.ndarray
    innovation_ratio: float
    steps: np.ndarray
    notes: tuple[str, ...]


def assimilate(
    series: ObservedSeries,
    system: DynamicalSystem,
    operator: ObservationOperator,
    sd: float | Sequence[float],
    method: Filter,
    members: int,
    *,
    seed: int = 0,
    first_members: Tensor | None = None,
    time_unit: float | None = None,
    on_cycle: Callable[[int], None] = lambda done: None,
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> Assimilation:
    """Follow ``series`` with ``members`` members of ``system``, analysed by ``method`` at every row with a value.

    The members stand for the state at the first row: draws from the system's climate, or ``first_members`` (M, d), for
    instance `DynamicalSystem.spun_up`.
    ``sd`` is the observation error's standard deviation, a number or one a column. ``time_unit`` is how much of the
    model's time one unit of ``series.times`` is; None makes the median gap ``system.steps_between`` steps. Gaps are
    rounded to whole model steps. ``on_cycle`` is called with the number of rows done, and stops the run by raising.

    Raises:
        ObservationError: rows that the system cannot reach in whole steps, or columns that the operator does not see.
        ValueError: from the filter, or numbers that do not fit, or members that are no longer finite.

    Example:
        >>> from bethink.tools.filtering.kalman import EnKF
        >>> from bethink.tools.filtering.linear_systems import random_walk
        >>> from bethink.tools.filtering.operators import operator_named
        >>> series = ObservedSeries(np.arange(3.0), np.array([[5.0], [np.nan], [6.0]]), ("level",))
        >>> walk = random_walk(noise=0.5, start_sd=10.0)
        >>> assimilate(series, walk, operator_named("identity"), 0.2, EnKF(), 200).mean.round(0).T
        array([[5., 5., 6.]])
    """
    steps, notes = model_steps(series.times, system, time_unit)
    chance = torch.Generator(device=device).manual_seed(seed)
    ensemble = _first(system, members, first_members, chance, dtype)
    values = torch.as_tensor(series.values, dtype=dtype, device=device)
    _check_columns(series, system, operator, ensemble)
    error = _error_of(sd, len(series.columns), ensemble)
    rows, width = series.values.shape
    mean, spread = np.full((rows, system.dimension), np.nan), np.full((rows, system.dimension), np.nan)
    predicted, predicted_sd = np.full((rows, width), np.nan), np.full((rows, width), np.nan)
    with one_thread_if_small(ensemble.numel()):
        for row in range(rows):
            ensemble = system.forecast(ensemble, int(steps[row]), chance)
            if not bool(torch.isfinite(ensemble).all()):
                raise ValueError(
                    f"The members are no longer finite at row {row + 1} (time {series.times[row]:g}): the model has "
                    "blown up. Use a smaller time step, or first members nearer to the observations."
                )
            seen = operator.observe(ensemble)
            predicted[row], predicted_sd[row] = _numpy(seen.mean(-2)), _numpy(seen.std(-2))
            if not bool(torch.isnan(values[row]).all()):
                ensemble = method.analyse(ensemble, values[row], operator, error, chance)
            mean[row], spread[row] = _numpy(ensemble.mean(-2)), _numpy(ensemble.std(-2))
            on_cycle(row + 1)
    innovations = series.values - predicted
    surprise = innovations**2 / (predicted_sd**2 + np.square(sd))
    empty = int(np.isnan(series.values).all(-1).sum())
    if empty:
        notes.append(f"At {empty:,} of {rows:,} rows nothing was observed: there the members were only forecast.")
    return Assimilation(
        times=series.times,
        mean=mean,
        sd=spread,
        predicted=predicted,
        predicted_sd=predicted_sd,
        innovations=innovations,
        innovation_ratio=float(np.nanmean(surprise)) if np.isfinite(surprise).any() else math.nan,
        steps=steps,
        notes=(*series.notes, *notes),
    )


def model_steps(
    times: np.ndarray, system: DynamicalSystem, time_unit: float | None = None
) -> tuple[np.ndarray, list[str]]:
    """Model steps before each of the rows at ``times`` (T,), the first 0, and notes on the model's clock.

    Raises:
        ObservationError: rows less than half a step apart, or more than `MOST_STEPS` steps in all.
        ValueError: a ``time_unit`` that is not positive.

    Example:
        >>> from bethink.tools.filtering.models import lorenz63
        >>> model_steps(np.array([0.0, 1.0, 2.0, 4.0]), lorenz63())[0]
        array([ 0, 12, 12, 24])
    """
    if time_unit is not None and not (time_unit > 0 and math.isfinite(time_unit)):
        raise ValueError(f"The time unit must be a positive number, not {time_unit}.")
    if len(times) < 2:
        return np.zeros(len(times), dtype=np.int64), []
    gaps = np.diff(np.asarray(times, dtype=np.float64))
    if time_unit is None:
        exact = gaps / np.median(gaps) * system.steps_between
    else:
        exact = gaps * (time_unit / system.dt)
    close = np.flatnonzero(~(exact >= 0.5))
    if len(close):
        row = int(close[0])
        raise ObservationError(
            f"Rows {row + 1} and {row + 2} are {exact[row]:.2g} steps of {system.name} apart.",
            "Give rows at least half a model step apart: thin them out, or choose a larger time unit.",
        )
    if not exact.sum() <= MOST_STEPS:
        raise ObservationError(
            f"The series would take {exact.sum():,.0f} steps of {system.name}; {MOST_STEPS:,} is the most.",
            "Use fewer rows, or a smaller time unit.",
        )
    whole = np.floor(exact + 0.5).astype(np.int64)
    return np.concatenate(([0], whole)), _clock_notes(gaps, exact, whole, system)


def _clock_notes(gaps: np.ndarray, exact: np.ndarray, whole: np.ndarray, system: DynamicalSystem) -> list[str]:
    unit = float(exact.sum() / gaps.sum()) * system.dt
    notes = [
        f"One unit of the series' time is {unit:.4g} of the model's; the median gap takes {np.median(whole):g} model "
        f"{'step' if np.median(whole) == 1 else 'steps'}."
    ]
    worst = int(np.abs(whole - exact).argmax())
    if abs(whole[worst] - exact[worst]) > 0.01:
        drift = float(whole.sum() / exact.sum() - 1)
        notes.append(
            f"Gaps were rounded to whole steps: the one before row {worst + 2} is {exact[worst]:.2f} steps long and "
            f"took {whole[worst]}. In all the model's clock ran {abs(drift):.1%} {'fast' if drift > 0 else 'slow'}."
        )
    return notes


def _first(
    system: DynamicalSystem, members: int, given: Tensor | None, chance: torch.Generator, dtype: torch.dtype
) -> Tensor:
    if members < 2:
        raise ValueError(f"An ensemble needs at least 2 members, not {members}.")
    if given is None:
        return system.draw(members, chance, dtype)
    if tuple(given.shape) != (members, system.dimension):
        raise ValueError(
            f"The first members must be ({members}, {system.dimension}) for {system.name}, not {tuple(given.shape)}."
        )
    return given.to(dtype=dtype, device=chance.device)


def _check_columns(
    series: ObservedSeries, system: DynamicalSystem, operator: ObservationOperator, ensemble: Tensor
) -> None:
    seen = operator.observe(ensemble[:1]).shape[-1]
    if seen != len(series.columns):
        names = ", ".join(series.columns[:5]) + (", ..." if len(series.columns) > 5 else "")
        raise ObservationError(
            f"The operator {operator.name!r} sees {seen} values of {system.name} ({system.dimension} components), "
            f"but the series has {len(series.columns)} columns ({names}).",
            "Choose a system of another dimension, observe every k-th component, or leave columns out.",
        )


def _error_of(sd: float | Sequence[float], width: int, like: Tensor) -> float | Tensor:
    levels = np.atleast_1d(np.asarray(sd, dtype=np.float64))
    if levels.shape not in ((1,), (width,)) or not (np.isfinite(levels).all() and (levels > 0).all()):
        raise ValueError(
            f"The observation noise must be one positive standard deviation, or {width}, one a column, not {sd}."
        )
    return float(levels[0]) if len(levels) == 1 else torch.as_tensor(levels, dtype=like.dtype, device=like.device)


def _numpy(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
