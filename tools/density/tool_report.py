"""What ``estimate_density`` says and writes of a run: the output, the generated rows, the ranking."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bethink.tools.contract import OutputFile, Plot, short
from bethink.tools.density.table import Table
from bethink.tools.density.tool_columns import Layout
from bethink.tools.density.tool_limits import Plan
from bethink.tools.density.tool_scores import Oddness, Quality, interval
from bethink.tools.tables import counted

if TYPE_CHECKING:
    from bethink.tools.density.estimator import DiffusionDensity
    from bethink.tools.density.tool import EstimateDensityInput, EstimateDensityOutput, LogLikelihood, OddRow

NAMED_COLUMNS = 12
"""Columns that the output lists; the rest would only fill the model's context."""
UNUSUAL = 3.0
"""Standard deviations from which one column alone makes a row unusual."""
BLOCK = 5_000


@dataclass(frozen=True, eq=False)
class Findings:
    """All that a run found: densities of held-out rows (h,) and of all rows (n,), and what was made of them."""

    table: Table
    layout: Layout
    plan: Plan
    held_out_density: np.ndarray
    gaussian: np.ndarray
    quality: Quality
    log_density: np.ndarray
    odd: Oddness
    notes: list[str]


def write_rows(rows: np.ndarray, table: Table, path: Path) -> OutputFile:
    """Write generated rows (n, d) as CSV, each column with the digits that its spread is worth."""
    formats = [column_format(column) for column in table.values.T]
    line = ",".join(formats) + "\n"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerow(table.columns)
        for place in range(0, len(rows), BLOCK):
            block = rows[place : place + BLOCK]
            file.write((line * len(block)) % tuple(block.ravel().tolist()))
    return OutputFile(path=str(path), title=f"Generated rows ({counted(len(rows), 'row')}, CSV)")


def write_odd(log_density: np.ndarray, table: Table, path: Path) -> OutputFile:
    """Write all rows' numbers and log densities as CSV, the oddest first."""
    order = np.argsort(log_density, kind="stable")
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write("row,log_density\n" if table.lines is None else "row,line,log_density\n")
        for place in order.tolist():
            line = "" if table.lines is None else f"{table.lines[place]},"
            file.write(f"{table.rows[place]},{line}{log_density[place]:.6g}\n")
    return OutputFile(path=str(path), title=f"All {counted(len(order), 'row')}, the oddest first (CSV)")


def column_format(values: np.ndarray) -> str:
    """How a column's numbers are written: to a millionth of its spread.

    Example:
        >>> column_format(np.array([1.7e9, 1.7e9 + 100.0])) % 1700000012.3456
        '1700000012.3456'
    """
    spread, size = float(values.std()), float(np.abs(values).max())
    digits = 6 if spread == 0 else int(np.ceil(np.log10(max(1.0, size / spread)))) + 6
    return f"%.{min(max(digits, 6 if spread else 12), 17)}g"


def report(
    request: EstimateDensityInput,
    found: Findings,
    model: DiffusionDensity,
    plots: list[Plot],
    files: list[OutputFile],
    fit_seconds: float,
    seconds: float,
) -> EstimateDensityOutput:
    """The output, with a summary whose numbers stand in its fields."""
    from bethink.tools.density.tool import EstimateDensityOutput, SampleQuality

    table, layout, plan = found.table, found.layout, found.plan
    distances = {
        name: None if (value := getattr(found.quality, name)) is None else short(value)
        for name in SampleQuality.model_fields
        if name != "compared"
    }
    output = EstimateDensityOutput(
        summary="",
        plots=plots,
        files=files,
        source=request.upload or request.toy,
        rows=len(table.values),
        dropped=table.dropped,
        columns=list(table.columns[:NAMED_COLUMNS]),
        column_count=len(table.columns),
        fitted_columns=len(layout.fitted),
        train=plan.train,
        held_out=plan.held_out,
        log_likelihood=_likelihood(found.held_out_density),
        gaussian_log_likelihood=_likelihood(found.gaussian),
        gain=_likelihood(found.held_out_density - found.gaussian),
        quality=SampleQuality(compared=found.quality.compared, **distances),  # type: ignore[arg-type]
        generated=request.generate,
        given=request.given or {},
        odd=_odd_rows(found),
        bandwidth=short(float(model.bandwidth_)),
        clusters=int(model.clusters_),
        notes=found.notes,
        estimated_seconds=short(plan.seconds, 2),
        fit_seconds=round(fit_seconds, 2),
        seconds=round(seconds, 2),
    )
    output.summary = summary(output)
    return output


def summary(out: EstimateDensityOutput) -> str:
    """A few sentences for somebody who reads nothing else."""
    columns = f"{out.column_count} column{'' if out.column_count == 1 else 's'}"
    given = ", given " + ", ".join(f"{name} = {value:g}" for name, value in out.given.items()) if out.given else ""
    ours, plain, gain = out.log_likelihood, out.gaussian_log_likelihood, out.gain
    text = (
        f"{out.source.replace('_', ' ') if '.' not in out.source else out.source} ({out.rows} rows, {columns}){given}: "
        f"{out.held_out} rows were held out, and under the density learnt from the other {out.train} they have a mean "
        f"log-likelihood of {ours.mean:g} nats a row ({ours.percent} % interval {ours.low:g} to {ours.high:g}). "
        f"A plain Gaussian has {plain.mean:g}, so "
    )
    if gain.low > 0:
        text += f"the rows are not Gaussian (gain {gain.mean:g}, {gain.low:g} to {gain.high:g}). "
    elif gain.high < 0:
        text += f"the Gaussian is better (by {-gain.mean:g}): the rows are Gaussian, or too few. "
    else:
        text += f"neither is clearly better (gain {gain.mean:g}, {gain.low:g} to {gain.high:g}). "
    near = out.quality
    text += (
        f"The {out.generated} generated rows are in a file; energy distance to held-out rows {near.energy_distance:g}, "
        f"where training rows have {near.energy_distance_floor:g}"
    )
    if near.memorisation_ratio is not None:
        text += f"; memorisation ratio {near.memorisation_ratio:g} (near 1 is good, 0 is copying)"
    return f"{text}. {_odd_sentence(out)}"


def _odd_sentence(out: EstimateDensityOutput) -> str:
    first = out.odd[0]
    place = f"row {first.row}" + ("" if first.line is None else f" (line {first.line})")
    far = f"{abs(first.sds):g} standard deviations {'above' if first.sds > 0 else 'below'} the mean"
    if abs(first.sds) >= UNUSUAL:
        why = f"{first.column} is {far}"
    else:
        why = f"no column alone is far off ({first.column} most, {far})"
    return f"The oddest is {place}: {why}."


def _likelihood(values: np.ndarray) -> LogLikelihood:
    from bethink.tools.density.tool import LogLikelihood

    found = interval(values)
    return LogLikelihood(mean=short(found.mean, 4), low=short(found.low, 4), high=short(found.high, 4), percent=95)


def _odd_rows(found: Findings) -> list[OddRow]:
    from bethink.tools.density.tool import OddRow

    table, rows = found.table, []
    for place, column, sds in zip(found.odd.places, found.odd.columns, found.odd.sds, strict=True):
        index = found.layout.fitted[column]
        shown = sorted({*range(min(NAMED_COLUMNS, len(table.columns))), index})
        rows.append(
            OddRow(
                row=int(table.rows[place]),
                line=None if table.lines is None else int(table.lines[place]),
                log_density=short(float(found.log_density[place]), 4),
                column=table.columns[index],
                sds=short(float(sds)),
                values={table.columns[i]: short(float(table.values[place, i]), 6) for i in shown},
            )
        )
    return rows
