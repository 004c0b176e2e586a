"""``track_state`` without a file: one truth, seen with errors, and every filter asked for on the same observations."""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bethink.tools.contract import Plot, ToolContext, ToolError, short
from bethink.tools.filtering.tool_limits import Pace, dimension_of, filter_named

if TYPE_CHECKING:
    from bethink.tools.filtering.models import DynamicalSystem
    from bethink.tools.filtering.tool import FilterScore, TrackStateInput, TwinOutput
    from bethink.tools.filtering.twin import TwinExperiment, TwinResult

TITLES = {
    "lorenz63": "Lorenz-63",
    "lorenz96": "Lorenz-96",
    "kuramoto_sivashinsky": "Kuramoto-Sivashinsky",
    "double_well": "The double well",
    "random_walk": "The random walk",
    "linear": "The linear system",
}
FILTER_TITLES = {
    "robust": "the robust filter",
    "score": "the Ensemble Score Filter",
    "letkf": "the LETKF",
    "enkf": "the EnKF",
    "particle": "the particle filter",
}
FIELDS = ("lorenz96", "kuramoto_sivashinsky")
"""Systems whose components stand on a circle: drawn as fields, and animated."""
WATCHED_SITES, WATCHED_SERIES = 256, 6
"""Components that are drawn: the first ones."""
ANOTHER = "Try more members, larger noise, or another filter."
ANIMATED_SITES = 16
"""Fields with fewer sites say nothing in motion."""


def track_twin(request: TrackStateInput, context: ToolContext, start: float) -> TwinOutput:
    """Run every filter on the same truth and observations, and draw them.

    Raises:
        ToolError: ``limit`` for a run that cannot end in time, ``cancelled``, ``invalid_input`` for what cannot run.
    """
    from bethink.tools.filtering.models import system_named
    from bethink.tools.filtering.operators import operator_named
    from bethink.tools.filtering.twin import TwinExperiment

    try:
        system = system_named(request.system, dimension_of(request))
    except ValueError as problem:
        hint = "Leave the dimension out, or give one that the system can have."
        raise ToolError("invalid_input", str(problem), hint) from problem
    experiment = TwinExperiment(
        system=system,
        operator=operator_named(request.observation, request.observe_every),
        sd=request.noise,
        cycles=request.cycles,
        steps_between=request.steps or system.steps_between,
        seed=request.seed,
        shock_every=jump_cycle(request.cycles) if request.shock else 0,
        shock_scale=0.0,
        shock_sd=request.shock * system.climatology,
        watch=tuple(range(min(system.dimension, WATCHED_SITES if request.system in FIELDS else WATCHED_SERIES))),
    )
    results, broken, seconds = _run_all(request, experiment, context)
    if not results:
        raise broke_down(broken)
    context.checkpoint(0.92, "Drawing")
    best = min(results, key=lambda name: _error(results[name]))
    plots = _draw(request, system, results, best, context)
    return _report(request, system, results, broken, seconds, best, plots, time.perf_counter() - start)


def jump_cycle(cycles: int) -> int:
    """The cycle, counted from 1, at which a shocked truth jumps: half-way."""
    return cycles // 2 + 1


def broke_down(broken: dict[str, str]) -> ToolError:
    """The error where no filter came to an end: what each of them said."""
    message = " ".join(f"{name}: {sentence}" for name, sentence in broken.items())
    return ToolError("invalid_input", message, "Try larger noise, more members, fewer steps, or another filter.")


def _run_all(
    request: TrackStateInput, experiment: TwinExperiment, context: ToolContext
) -> tuple[dict[str, TwinResult], dict[str, str], dict[str, float]]:
    """(results, why some have none, seconds) by filter: one that breaks down does not stop the others."""
    import torch

    from bethink.tools.filtering.twin import run_twin

    pace = Pace(request, experiment.system.dimension, request.cycles)
    results: dict[str, TwinResult] = {}
    broken: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for index, name in enumerate(request.filters):
        method = filter_named(name, experiment.system, request.observation, request.noise, request.members)

        def on_cycle(done: int, index: int = index, name: str = name) -> None:
            share = pace.share(index, done, time.perf_counter())
            context.checkpoint(0.9 * share, f"{name}: cycle {done} of {request.cycles}")

        begun = time.perf_counter()
        try:
            results[name] = run_twin(replace(experiment, free=not results), method, request.members, on_cycle)
        except torch.linalg.LinAlgError:
            broken[name] = "Its equations had no solution: the members were too far apart or too close together."
        except ValueError as problem:
            broken[name] = str(problem)
        seconds[name] = time.perf_counter() - begun
    return results, broken, seconds


def _error(result: TwinResult) -> float:
    return math.inf if result.diverged.any() else result.after_burn_in(result.rmse)


def _draw(
    request: TrackStateInput, system: DynamicalSystem, results: dict[str, TwinResult], best: str, context: ToolContext
) -> list[Plot]:
    from bethink.tools.filtering import plot
    from bethink.tools.filtering.animation import animate_field

    tag = uuid.uuid4().hex[:8]
    context.folder.mkdir(parents=True, exist_ok=True)
    field = request.system in FIELDS
    title, result, by = TITLES[request.system], results[best], FILTER_TITLES[best]
    labels = [system.label(component) for component in result.watch]
    jump = float(result.time[jump_cycle(request.cycles) - 1]) if request.shock else None
    plots: list[Plot] = []

    def add(kind: str, ending: str, caption: str, alt: str) -> Path:
        path = context.folder / f"track_{kind}_{tag}.{ending}"
        plots.append(Plot(path=str(path), title=caption, alt=alt))
        context.checkpoint(0.92 + 0.016 * len(plots), "Drawing")
        return path

    if field:
        alt = f"Space-time pictures: the waves of the truth, the estimate by {by}, and their difference."
        plot.draw_field(result, add(request.system, "png", f"{title}: truth and estimate over time", alt))
    else:
        alt = f"Time series of the truth, the observations, and the estimate by {by} with its band of two spreads."
        path = add(request.system, "png", f"{title}: truth, observations and estimate", alt)
        plot.draw_components(result, labels, path)
    each = "; ".join(f"{name} {_error(one):.2g}" for name, one in results.items())
    path = add("error", "png", "Error over time", f"Error of the estimate over time. On average: {each}.")
    plot.draw_errors(results, path, jump)
    if len(results) > 1:
        what = "the error of each filter over space and time" if field else f"{labels[0]} as each filter tracked it"
        path = add("filters", "png", "The filters side by side", f"Side by side: {what}. Rmse: {each}.")
        plot.draw_filters(results, labels[0], field, path)
    alt = "Rank histograms: how often the truth was below all members, between two of them, or above all."
    plot.draw_ranks(results, add("ranks", "png", "Ranks of the truth among the members", alt))
    if field and system.dimension >= ANIMATED_SITES and request.cycles > 1:
        alt = f"The field moving in time: truth, observations, and the estimate by {by} with its band."
        animate_field(result, add("moving", "gif", f"{title} in motion (plays once)", alt))
    return plots


def _report(
    request: TrackStateInput,
    system: DynamicalSystem,
    results: dict[str, TwinResult],
    broken: dict[str, str],
    seconds: dict[str, float],
    best: str,
    plots: list[Plot],
    total: float,
) -> TwinOutput:
    from bethink.tools.filtering.tool import TwinOutput

    first, winner = next(iter(results.values())), results[best]
    scores = [_score(name, results.get(name), seconds[name]) for name in request.filters]
    by_name: dict[str, FilterScore] = {score.filter: score for score in scores}
    free = short(first.after_burn_in(first.free_rmse))
    climate = None if request.system == "random_walk" else short(winner.climatology)
    yardstick = free if climate is None else climate
    error = by_name[best].rmse
    verdict = "lost"
    if error is not None and error < 0.8 * yardstick:
        verdict = "tracked" if error < yardstick / 3 else "followed loosely"
    variables = f"{system.dimension} variable{'' if system.dimension == 1 else 's'}"
    summary = f"{TITLES[request.system]} ({variables}) was {verdict} "
    summary += f"{'best ' if len(scores) > 1 and verdict != 'lost' else ''}by {FILTER_TITLES[best]}"
    summary += ": its members diverged" if error is None else f": rmse {error:g}, spread {by_name[best].spread:g}"
    summary += f", with {request.members} members after {request.cycles} observations."
    if request.shock:
        summary += f" Half-way the truth jumped by {request.shock:g} times its standard deviation."
    others = [f"{s.filter} {'diverged' if s.rmse is None else f'{s.rmse:g}'}" for s in scores if s.filter != best]
    summary += f" Other filters: {', '.join(others)}." if others else ""
    summary += f" Without observations the rmse is {free:g}"
    summary += "." if climate is None else f"; always guessing the long-term mean gives {climate:g}."
    return TwinOutput(
        summary=summary,
        plots=plots,
        system=request.system,
        dimension=system.dimension,
        members=request.members,
        observation_noise=request.noise,
        best=best,  # type: ignore[arg-type]
        notes=_notes(request, system, by_name, broken, yardstick),
        seconds=round(total, 2),
        cycles=request.cycles,
        burn_in=winner.burn_in,
        shock=request.shock,
        filters=scores,
        free_rmse=free,
        climatology=climate,
    )


def _score(name: str, result: TwinResult | None, seconds: float) -> FilterScore:
    from bethink.tools.filtering.tool import FilterScore

    lost = result is None or bool(result.diverged.any())
    numbers: dict[str, float | None] = dict.fromkeys(("rmse", "spread", "crps", "coverage"))
    if result is not None and not lost:
        numbers = {key: short(result.after_burn_in(getattr(result, key))) for key in numbers}
    return FilterScore(filter=name, seconds=round(seconds, 2), diverged=lost, **numbers)  # type: ignore[arg-type]


def _notes(
    request: TrackStateInput,
    system: DynamicalSystem,
    scores: dict[str, FilterScore],
    broken: dict[str, str],
    yardstick: float,
) -> list[str]:
    """What to try where a filter lost the truth."""
    notes = [f"{name}: {sentence}" for name, sentence in broken.items()]
    few = request.members <= system.dimension
    advice = {
        "enkf": "It does not localise: with fewer members than variables, use letkf or robust." if few else ANOTHER,
        "particle": "It needs exponentially many members as the dimension grows: it is for small systems.",
        "score": "It moves each variable by its own observation alone: hidden variables are not corrected.",
    }
    for name, score in scores.items():
        if name not in broken and (score.rmse is None or score.rmse > 0.8 * yardstick):
            what = "its members diverged" if score.diverged else "it lost the truth"
            notes.append(f"{name}: {what}. {advice.get(name, ANOTHER)}")
    if request.observe_every > system.dimension - 1 > 0:
        notes.append("Only the first variable was observed.")
    return notes
