"""``track_state`` with a file: a system as the model, the file's rows as its observations, and no truth to compare."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.contract import Plot, ToolContext, ToolError, short
from bethink.tools.filtering.tool_limits import (
    DIMENSIONS,
    Pace,
    dimension_of,
    filter_named,
    refuse_if_too_big,
)
from bethink.tools.filtering.tool_twin import FILTER_TITLES, TITLES, broke_down

if TYPE_CHECKING:
    from bethink.tools.filtering.assimilation import Assimilation
    from bethink.tools.filtering.models import DynamicalSystem
    from bethink.tools.filtering.observations import ObservedSeries
    from bethink.tools.filtering.tool import SeriesOutput, TrackStateInput

ENDINGS = (".csv", ".tsv", ".txt")
NAMED_COLUMNS = 12
"""Column names that the output lists; the rest would only fill the model's context."""
LEAST_PACE = 0.05
"""Least noise of a random walk, as a share of the observation noise: a model without any would believe no change."""


def track_series(request: TrackStateInput, context: ToolContext, start: float) -> SeriesOutput:
    """Follow the uploaded rows with every filter, and draw what they made of them.

    Raises:
        ToolError: ``not_found`` for a file that is not there, ``invalid_input`` for one that cannot be used,
            ``limit`` for one that is too long, ``cancelled``.
    """
    path = context.uploaded(request.upload or "", ENDINGS)
    context.checkpoint(0.0, "Reading the file")
    from bethink.tools.filtering.observations import ObservationError, read_observations

    try:
        series = read_observations(path)
    except ObservationError as problem:
        raise ToolError("invalid_input", str(problem), problem.hint) from problem
    notes = []
    if "cycles" in request.model_fields_set and request.cycles < len(series.times):
        notes.append(f"Only the first {request.cycles} of {len(series.times)} rows were used, as `cycles` says.")
        series = replace(series, times=series.times[: request.cycles], values=series.values[: request.cycles])
    dimension = _dimension(request, len(series.columns))
    refuse_if_too_big(request, len(series.times), dimension)
    system = _system(request, dimension, series)
    found, broken, seconds = _run_all(request, system, series, context)
    if not found:
        raise broke_down(broken)
    notes += [f"{name}: {sentence}" for name, sentence in broken.items()]
    context.checkpoint(0.92, "Drawing")
    burn_in = len(series.times) // 10
    errors = {name: _misses(one, burn_in, request.noise) for name, one in found.items()}
    best = min(errors, key=lambda name: errors[name][0])
    plots = _draw(request, series, found, best, {name: error[1] for name, error in errors.items()}, context)
    return _report(request, series, found, errors, seconds, best, burn_in, notes, plots, time.perf_counter() - start)


def _dimension(request: TrackStateInput, columns: int) -> int:
    """The system's: as asked for, or so that every column is one observed variable.

    Raises:
        ToolError: a file whose columns are not what the system would show.
    """
    fixed = request.system in ("lorenz63", "double_well")
    dimension = dimension_of(request) if fixed or request.dimension is not None else columns * request.observe_every
    shown = -(-dimension // request.observe_every)
    if shown == columns:
        return dimension
    title = TITLES[request.system]
    hint = f"{title} always has {DIMENSIONS[request.system]} variables" if fixed else "Leave the dimension out"
    message = f"The file has {columns} columns of values, but {shown} of {title}'s {dimension} variables are observed."
    raise ToolError("invalid_input", message, f"{hint}; the system random_walk takes any number of columns.")


def _system(request: TrackStateInput, dimension: int, series: ObservedSeries) -> DynamicalSystem:
    from bethink.tools.filtering.models import system_named

    options = {}
    if request.system == "random_walk":
        if request.observe_every > 1:
            hint = "Leave observe_every at 1."
            raise ToolError("invalid_input", "A random walk's unobserved variables would never be known.", hint)
        options = walk_of(series.values, request)
    try:
        system = system_named(request.system, dimension, **options)
    except ValueError as problem:
        hint = "The system random_walk takes any number of columns."
        raise ToolError("invalid_input", str(problem), hint) from problem
    return replace(system, steps_between=request.steps) if request.steps else system


def walk_of(values: np.ndarray, request: TrackStateInput) -> dict[str, list[float]]:
    """A random walk's options for values (T, p): its pace by the method of moments, and a first state.

    Steps between rows have variance q^2 + 2 noise^2 where the instrument shows the variable itself; q follows, column
    by column. Through any other function a walk of a standard normal's size is assumed.
    """
    count = values.shape[1]
    if request.observation != "identity":
        return {"noise": [0.3] * count, "start_mean": [0.0] * count, "start_sd": [1.0] * count}
    pace, first = [], []
    for column in values.T:
        known = column[np.isfinite(column)]
        steps = np.diff(column)
        steps = steps[np.isfinite(steps)]
        if not steps.size:
            steps = np.diff(known)
        variance = float(np.mean(steps**2)) - 2 * request.noise**2 if steps.size else 0.0
        pace.append(max(variance, (LEAST_PACE * request.noise) ** 2) ** 0.5)
        first.append(float(known[0]) if known.size else 0.0)
    root = (request.steps or 1) ** 0.5
    return {
        "noise": [one / root for one in pace],
        "start_mean": first,
        "start_sd": [max(request.noise, one) for one in pace],
    }


def guess_noise(values: np.ndarray) -> float:
    """A first guess of the observation noise of values (T, p), two digits: the median over the columns.

    For a random walk seen with errors, successive steps have covariance -noise^2. Where that is not negative (a
    smooth series), the second differences are taken for noise alone, sqrt(mean square / 6). 0.3 if there is nothing to
    go by.

    Example:
        >>> chance = np.random.default_rng(0)
        >>> walk = np.cumsum(chance.normal(0, 1, (5000, 1)), 0)
        >>> guess_noise(walk + chance.normal(0, 2, (5000, 1)))
        2.0
    """
    found = []
    for column in values.T:
        steps = np.diff(column)
        together = steps[1:] * steps[:-1]
        bends = np.diff(steps) ** 2
        if not np.isfinite(together).any():
            continue
        covariance = float(np.nanmean(together))
        found.append(-covariance if covariance < 0 else float(np.nanmean(bends)) / 6)
    guess = float(np.median(found)) ** 0.5 if found else 0.0
    return min(float(f"{guess:.2g}"), 1e6) if guess > 0 and np.isfinite(guess) else 0.3


def _run_all(
    request: TrackStateInput, system: DynamicalSystem, series: ObservedSeries, context: ToolContext
) -> tuple[dict[str, Assimilation], dict[str, str], dict[str, float]]:
    """(results, why some have none, seconds) by filter: one that breaks down does not stop the others."""
    import torch

    from bethink.tools.filtering.assimilation import assimilate
    from bethink.tools.filtering.observations import ObservationError
    from bethink.tools.filtering.operators import operator_named

    rows = len(series.times)
    pace = Pace(request, system.dimension, rows)
    operator = operator_named(request.observation, request.observe_every)
    found: dict[str, Assimilation] = {}
    broken: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for index, name in enumerate(request.filters):
        method = filter_named(name, system, request.observation, request.noise, request.members)

        def on_cycle(done: int, index: int = index, name: str = name) -> None:
            share = pace.share(index, done, time.perf_counter())
            context.checkpoint(0.9 * share, f"{name}: row {done} of {rows}")

        begun = time.perf_counter()
        try:
            found[name] = assimilate(
                series, system, operator, request.noise, method, request.members, seed=request.seed, on_cycle=on_cycle
            )
        except ObservationError as problem:
            raise ToolError("invalid_input", str(problem), problem.hint) from problem
        except (ValueError, torch.linalg.LinAlgError) as problem:
            broken[name] = str(problem)
        seconds[name] = time.perf_counter() - begun
    return found, broken, seconds


def _misses(found: Assimilation, burn_in: int, noise: float) -> tuple[float, float]:
    """(root mean square of the innovations, their mean square over the expected one), after the burn-in."""
    innovations = found.innovations[burn_in:]
    expected = found.predicted_sd[burn_in:] ** 2 + noise**2
    if not np.isfinite(innovations).any():
        raise ToolError("invalid_input", "No value is left after the burn-in.", "Give a file with more values.")
    return short(float(np.nanmean(innovations**2)) ** 0.5), short(float(np.nanmean(innovations**2 / expected)))


def persistence(values: np.ndarray, burn_in: int) -> float | None:
    """Root mean square error of predicting every value (T, p) by the last known one of its column; None if none is."""
    last = np.full(values.shape[1], np.nan)
    misses = []
    for row, now in enumerate(values):
        if row >= burn_in:
            misses.append((now - last) ** 2)
        last = np.where(np.isfinite(now), now, last)
    squares = np.array(misses)
    return short(float(np.nanmean(squares)) ** 0.5) if np.isfinite(squares).any() else None


def _draw(
    request: TrackStateInput,
    series: ObservedSeries,
    found: dict[str, Assimilation],
    best: str,
    ratios: dict[str, float],
    context: ToolContext,
) -> list[Plot]:
    from bethink.tools.filtering import plot

    tag = uuid.uuid4().hex[:8]
    context.folder.mkdir(parents=True, exist_ok=True)
    first, second = (context.folder / f"track_{kind}_{tag}.png" for kind in ("upload", "innovations"))
    sites = [column * request.observe_every for column in range(len(series.columns))]
    plot.draw_series(series, found[best], sites, request.observation == "identity", request.noise, first)
    plot.draw_innovations(found, request.noise, ratios, second)
    names = ", ".join(series.columns[: plot.MOST_PANELS])
    said = "; ".join(f"{name} {ratio:g}" for name, ratio in ratios.items())
    alt = f"Observations of {names}, and what {FILTER_TITLES[best]} made of them, with a band of two spreads."
    consistency = f"Observation minus prediction in units of the expected size, over time. Innovation ratio: {said}."
    return [
        Plot(path=str(first), title=f"{request.upload}: observations and estimate", alt=alt),
        Plot(path=str(second), title="Are the predictions as good as they claim?", alt=consistency),
    ]


def _report(
    request: TrackStateInput,
    series: ObservedSeries,
    found: dict[str, Assimilation],
    errors: dict[str, tuple[float, float]],
    seconds: dict[str, float],
    best: str,
    burn_in: int,
    notes: list[str],
    plots: list[Plot],
    total: float,
) -> SeriesOutput:
    from bethink.tools.filtering.tool import SeriesOutput, SeriesScore

    rows, columns = series.values.shape
    still = persistence(series.values, burn_in)
    error, ratio = errors[best]
    title = TITLES[request.system].replace("The ", "the ")
    given = "as you gave it" if "noise" in request.model_fields_set else "the default: give what you know as `noise`"
    summary = (
        f"{request.upload} ({rows} rows, {columns} column{'' if columns == 1 else 's'}) was tracked "
        f"{'best ' if len(found) > 1 else ''}by {FILTER_TITLES[best]} on {title} "
        f"with {request.members} members: each row was predicted with rmse {error:g}"
    )
    summary += f"; repeating the last value gives {still:g}. " if still is not None else ". "
    summary += f"The observation noise is {request.noise:g} ({given}). The innovation ratio is {ratio:g}: "
    summary += verdict(ratio)
    return SeriesOutput(
        summary=summary,
        plots=plots,
        system=request.system,
        dimension=found[best].mean.shape[1],
        members=request.members,
        observation_noise=request.noise,
        best=best,  # type: ignore[arg-type]
        notes=[*notes, *found[best].notes],
        seconds=round(total, 2),
        upload=request.upload or "",
        rows=rows,
        columns=list(series.columns[:NAMED_COLUMNS]),
        observed=columns,
        missing=int(np.isnan(series.values).sum()),
        burn_in=burn_in,
        filters=[
            SeriesScore(filter=n, prediction_rmse=e, innovation_ratio=r, seconds=round(seconds[n], 2))  # type: ignore[arg-type]
            for n, (e, r) in errors.items()
        ],
        persistence_rmse=still,
    )


def verdict(ratio: float) -> str:
    """What an innovation ratio says about model and noise."""
    if ratio > 2:
        return "the misses are larger than expected, so the noise is larger than stated or the model does not fit."
    if ratio < 0.5:
        return "the misses are smaller than expected, so the noise is smaller than stated."
    return "model and noise explain the misses."
