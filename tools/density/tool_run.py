"""A run of ``estimate_density``: read, plan, fit, score, generate, rank, draw, report."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bethink.tools.contract import Plot, ToolContext, ToolError
from bethink.tools.density import plot, tool_limits
from bethink.tools.density.table import ENDINGS, Table, read_table
from bethink.tools.density.tool_columns import Layout, layout_of
from bethink.tools.density.tool_limits import COMPARED, Plan, plan_for, refuse_if_too_big, refuse_if_too_slow
from bethink.tools.density.tool_ranking import CHUNK, cross_fitted
from bethink.tools.density.tool_report import Findings, report, write_odd, write_rows
from bethink.tools.density.tool_scores import gaussian_log_prob, oddest, quality
from bethink.tools.tables import TableFileError, counted
from bethink.tools.threads import one_thread_if_small

if TYPE_CHECKING:
    from bethink.tools.density.estimator import DiffusionDensity
    from bethink.tools.density.tool import EstimateDensityInput, EstimateDensityOutput

FAR = 1e4
"""Widths of a column's middle half beyond which a value is named."""
FEW_LEVELS = 25
"""Distinct values up to which dots in a picture are moved apart."""


@dataclass(frozen=True, eq=False)
class Split:
    """What the estimator sees: rows to learn from and rows held out, each (n, k), with conditions (n, c) or None."""

    train: np.ndarray
    held_out: np.ndarray
    train_given: np.ndarray | None
    held_out_given: np.ndarray | None


def run(request: EstimateDensityInput, context: ToolContext, start: float) -> EstimateDensityOutput:
    """See :func:`bethink.tools.density.tool.estimate`.

    On one thread: a second one is worth little here, and on a busy machine torch's and BLAS's threads wait for each
    other.
    """
    import sklearn.mixture  # noqa: F401  (limits hold for the libraries that are loaded)
    import torch  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with one_thread_if_small(0), threadpool_limits(1, user_api="blas"):
        return _run(request, context, start)


def _run(request: EstimateDensityInput, context: ToolContext, start: float) -> EstimateDensityOutput:
    context.checkpoint(0.0, "Reading the table")
    try:
        table = _table(request, context)
        layout = layout_of(table.columns, table.values)
        notes = [*table.notes, *layout.notes, *far_values(table, layout)]
        free, given = _given(request, layout, table, notes)
        if len(table.values) < 2 * len(layout.fitted):
            rows, columns = counted(len(table.values), "complete row"), counted(len(layout.fitted), "column")
            hint = f"Give at least {2 * len(layout.fitted)} rows, or pick fewer columns with `columns`."
            raise ToolError("invalid_input", f"{rows} are too few for {columns}.", hint)
    except TableFileError as problem:
        raise ToolError("invalid_input", str(problem), problem.hint) from problem
    plan = plan_for(len(table.values), len(layout.fitted), request.generate)
    refuse_if_too_big(plan, len(table.values), len(layout.fitted), request.generate)
    size = f"{len(table.values):,} rows, {counted(len(layout.fitted), 'column')}"
    context.checkpoint(0.0, f"This takes about {plan.seconds:.0f} s ({size})")

    chance = np.random.default_rng(request.seed)
    noisy = layout.to_fit(table.values, chance)
    order = chance.permutation(len(noisy))
    held, known = order[: plan.held_out], order[plan.held_out :]
    free_columns, given_columns = noisy[:, free], (noisy[:, list(given)] if given else None)
    split = Split(
        free_columns[known],
        free_columns[held],
        None if given_columns is None else given_columns[known],
        None if given_columns is None else given_columns[held],
    )
    model = _fit(request, plan, split, context, start)
    fit_seconds = time.perf_counter() - start

    context.checkpoint(plan.share("score"), "Scoring held-out rows")
    held_out_density = _log_prob(model, split.held_out, split.held_out_given)
    gaussian = gaussian_log_prob(split.train, split.held_out, split.train_given, split.held_out_given)
    context.checkpoint(plan.share("generate"), f"Generating {counted(request.generate, 'row')}")
    made = _generate(model, request, free, given, len(layout.fitted))
    compared = _compare(model, request, split, made, free, given)
    centres = layout.to_fit(table.values)

    def ranking(share: float, message: str) -> None:
        context.checkpoint(plan.share("odd", share), message)
        refuse_if_too_slow(plan, plan.share("odd", share), time.perf_counter() - start)

    log_density = cross_fitted(
        model, free_columns, centres[:, free], given_columns, plan.ranking_rows, request.seed, ranking
    )
    odd = oddest(log_density, table.values[:, list(layout.fitted)], min(request.odd_rows, len(table.values)))

    context.checkpoint(plan.share("draw"), "Drawing")
    context.folder.mkdir(parents=True, exist_ok=True)
    tag = uuid.uuid4().hex[:8]
    new = layout.restore(made)
    files = [
        write_rows(new, table, context.folder / f"density_rows_{tag}.csv"),
        write_odd(log_density, table, context.folder / f"density_ranking_{tag}.csv"),
    ]
    findings = Findings(table, layout, plan, held_out_density, gaussian, compared, log_density, odd, notes)
    plots = _draw(request, findings, model, new, made, given, context, tag)
    return report(request, findings, model, plots, files, fit_seconds, time.perf_counter() - start)


# -- parts ------------------------------------------------------------------------------------------------------------


def far_values(table: Table, layout: Layout) -> list[str]:
    """A sentence for each column whose farthest value is ten thousand times as far as its middle half is wide."""
    from bethink.tools.density.scaling import robust_scaling

    columns = list(layout.fitted)
    scaled = np.abs(robust_scaling(table.values[:, columns]).apply(table.values[:, columns]))
    found = []
    for place in np.flatnonzero(scaled.max(0) > FAR):
        row = int(scaled[:, place].argmax())
        name, value = layout.columns[columns[place]], table.values[row, columns[place]]
        found.append(f"Column {name[:80]!r} holds {value:g}, far from all else: mend it if it is no measurement.")
    return found


def _table(request: EstimateDensityInput, context: ToolContext) -> Table:
    if request.upload:
        return read_table(context.uploaded(request.upload, ENDINGS), request.columns)
    from bethink.tools.density.toys import toy_named

    if request.columns is not None:
        raise ToolError("invalid_input", "A toy has the columns x and y.", "Leave out `columns`, or name an upload.")
    values = np.asarray(toy_named(request.toy, request.rows, request.seed), dtype=np.float64)
    return Table(("x", "y"), values, np.arange(1, len(values) + 1))


def _given(
    request: EstimateDensityInput, layout: Layout, table: Table, notes: list[str]
) -> tuple[list[int], dict[int, float]]:
    """(places of the columns whose density is learnt, values by the places of the given ones), among the fitted."""
    given: dict[int, float] = {}
    names = layout.names
    for name, value in (request.given or {}).items():
        if name not in names:
            why = "is not fitted" if name in layout.columns else "is not there"
            listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            raise ToolError("invalid_input", f"Column {name[:80]!r} {why}.", f"A value can be given for: {listed}.")
        place = names.index(name)
        column = table.values[:, layout.fitted[place]]
        low, high = float(column.min()), float(column.max())
        if not low <= value <= high:
            message = f"Column {name!r} goes from {low:g} to {high:g}; {value:g} was given."
            raise ToolError("invalid_input", message, "Give a value that the table reaches.")
        given[place] = float(value)
    free = [place for place in range(len(names)) if place not in given]
    if not free:
        raise ToolError("invalid_input", "A value is given for every column.", "Leave at least one to be learnt.")
    if given:
        notes.append(f"All densities are those of the other columns given {', '.join(names[i] for i in given)}.")
    return free, given


def _fit(
    request: EstimateDensityInput, plan: Plan, split: Split, context: ToolContext, start: float
) -> DiffusionDensity:
    from bethink.tools.density.estimator import DiffusionDensity

    def progress(done: float, message: str) -> None:
        share = plan.share("fit", done)
        context.checkpoint(share, message)
        refuse_if_too_slow(plan, share, time.perf_counter() - start)

    model = DiffusionDensity(
        rows=plan.rows,
        labels=tool_limits.LABELS,
        max_seconds=tool_limits.NET_SECONDS,
        random_state=request.seed,
        progress=progress,
    )
    try:
        return model.fit(split.train, conditions=split.train_given)
    except ValueError as problem:  # the estimator's own refusals have a hint
        hint = getattr(problem, "hint", "")
        if not hint:
            raise
        raise ToolError("invalid_input", str(getattr(problem, "message", problem)), hint) from problem


def _log_prob(model: DiffusionDensity, rows: np.ndarray, conditions: np.ndarray | None) -> np.ndarray:
    return np.asarray(model.log_prob(rows) if conditions is None else model.log_prob(rows, conditions=conditions))


def _chunks(rows: int) -> Iterator[tuple[int, int]]:
    for place in range(0, rows, CHUNK):
        yield place, min(CHUNK, rows - place)


def _generate(
    model: DiffusionDensity, request: EstimateDensityInput, free: Sequence[int], given: dict[int, float], width: int
) -> np.ndarray:
    """New rows (generate, k) over all fitted columns."""
    made = np.empty((request.generate, width))
    conditions = None
    if given:
        conditions = np.tile(list(given.values()), (request.generate, 1))
        made[:, list(given)] = conditions
    made[:, list(free)] = model.sample(request.generate, conditions=conditions, random_state=request.seed)
    return made


def _compare(
    model: DiffusionDensity,
    request: EstimateDensityInput,
    split: Split,
    made: np.ndarray,
    free: Sequence[int],
    given: dict[int, float],
) -> Any:
    """Distances of generated to held-out rows. With given values, each held-out row's own are the conditions."""
    if not given or split.train_given is None or split.held_out_given is None:
        if len(made) < len(split.held_out):
            made = model.sample(len(split.held_out), random_state=request.seed + 1)
        return quality(made, split.held_out, split.train, COMPARED, request.seed)
    some = model.sample(len(split.held_out), conditions=split.held_out_given, random_state=request.seed)
    return quality(
        np.hstack([some, split.held_out_given]),
        np.hstack([split.held_out, split.held_out_given]),
        np.hstack([split.train, split.train_given]),
        COMPARED,
        request.seed,
    )


def _apart(rows: np.ndarray, layout: Layout, chosen: Sequence[int], chance: np.random.Generator) -> np.ndarray:
    """The chosen columns of rows for a picture: dots in columns of few steps are moved a little, to be seen apart."""
    out = rows[:, list(chosen)].copy()
    for place, index in enumerate(chosen):
        if index in layout.steps and len(layout.steps[index].levels) <= FEW_LEVELS:
            out[:, place] += 0.7 * layout.steps[index].width * (chance.random(len(out)) - 0.5)
    return out


def _draw(
    request: EstimateDensityInput,
    findings: Findings,
    model: DiffusionDensity,
    new: np.ndarray,
    made: np.ndarray,
    given: dict[int, float],
    context: ToolContext,
    tag: str,
) -> list[Plot]:
    """The pictures, with what they show in words."""
    layout, table = findings.layout, findings.table
    chosen = list(layout.fitted)[: plot.MOST_COLUMNS]
    names = [layout.columns[index] for index in chosen]
    chance = np.random.default_rng(0)
    data, samples = (_apart(rows, layout, chosen, chance) for rows in (table.values, new))
    if len(layout.fitted) > len(chosen):
        findings.notes.append(f"The pictures show the first {len(chosen)} columns: {', '.join(names)}.")
    density = None
    if len(chosen) <= 2 and not given:

        def density(points: np.ndarray) -> np.ndarray:
            parts = []
            for place, size in _chunks(len(points)):
                context.checkpoint(findings.plan.share("draw"), "Drawing the density")
                parts.append(_log_prob(model, points[place : place + size], None))
            return np.concatenate(parts)

    source = request.upload or request.toy.replace("_", " ")
    first, second = (context.folder / f"density_{kind}_{tag}.png" for kind in ("pairs", "odd"))
    odd = findings.odd.places
    marks = [str(int(table.rows[place])) for place in odd]
    if len(chosen) == 1:
        plot.draw_one(names[0], data[:, 0], samples[:, 0], density, data[odd, 0], first)
        shown = f"Histograms of {names[0]} in the data and in the generated rows, and the learnt density as a line."
    elif len(chosen) == 2:
        plot.draw_two(names, data, samples, density, data[odd], first)
        shown = f"{names[0]} against {names[1]}: the data on the learnt density, and the generated rows beside them."
    else:
        plot.draw_pairs(names, data, samples, data[odd], first)
        shown = f"Every pair of {', '.join(names)}: the data below the diagonal, the generated rows above it."
    plot.draw_oddness(findings.log_density, odd, marks, second)
    most = ", ".join(marks)
    return [
        Plot(path=str(first), title=f"{source}: data and generated rows", alt=shown),
        Plot(
            path=str(second),
            title="How likely is each row?",
            alt=f"A histogram of the rows' log densities; the oddest rows, {most}, are marked at its left end.",
        ),
    ]
