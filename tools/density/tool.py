"""``estimate_density``: the distribution of a table's rows, more rows like them, and the odd ones; an agent's tool."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from bethink.tools.contract import Tool, ToolContext, ToolInput, ToolOutput
from bethink.tools.density.tool_limits import TIMEOUT_S

ToyName = Literal["two_moons", "checkerboard", "swiss_roll", "eight_gaussians", "pinwheel", "rings"]


class EstimateDensityInput(ToolInput):
    """Which rows, and what to do with their density."""

    upload: str | None = Field(None, max_length=120, description="Name of an uploaded CSV or Parquet file.")
    columns: list[str] | None = Field(
        None, min_length=1, max_length=200, description="Columns of the file to use; default all."
    )
    toy: ToyName = Field("two_moons", description="A known distribution in two columns, where no file is given.")
    rows: int = Field(5_000, ge=20, le=200_000, description="Rows drawn from the toy.")
    generate: int = Field(1_000, ge=1, le=1_000_000, description="New rows to generate, as a file.")
    odd_rows: int = Field(5, ge=1, le=50, description="How many of the oddest rows to list.")
    given: dict[str, float] | None = Field(
        None, description='Values of some columns, like {"age": 40}: generate rows with these, and learn the others.'
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Same seed, same result.")

    @field_validator("columns")
    @classmethod
    def _each_once(cls, names: list[str] | None) -> list[str] | None:
        return None if names is None else list(dict.fromkeys(names))


class LogLikelihood(BaseModel):
    """Mean log density of held-out rows, in nats a row, in the columns' own units, with an interval."""

    mean: float
    low: float
    high: float
    percent: int = Field(description="The interval's level.")


class SampleQuality(BaseModel):
    """Generated rows against held-out rows, in standardised columns; a floor is what training rows reach."""

    energy_distance: float
    energy_distance_floor: float
    sliced_wasserstein: float
    sliced_wasserstein_floor: float
    memorisation_ratio: float | None = Field(
        description="Distance to the nearest training row, over that of held-out rows; near 1 is good, 0 is copying."
    )
    compared: int = Field(description="Rows of each kind that were compared.")


class OddRow(BaseModel):
    """One of the least likely rows."""

    row: int = Field(description="Counted from 1 below the names.")
    line: int | None = Field(description="Line of a text file.")
    log_density: float
    column: str = Field(description="Where the row is most unusual.")
    sds: float = Field(description="How many standard deviations that column is off the mean of the other rows.")
    values: dict[str, float]


class EstimateDensityOutput(ToolOutput):
    """What was learnt of the distribution, how well, and what came out of it."""

    source: str
    rows: int
    dropped: int = Field(description="Rows left out for a missing value.")
    columns: list[str] = Field(description="The first of them.")
    column_count: int
    fitted_columns: int = Field(description="Without constants and columns that follow from others.")
    train: int
    held_out: int
    log_likelihood: LogLikelihood
    gaussian_log_likelihood: LogLikelihood = Field(description="The same rows under a plain Gaussian.")
    gain: LogLikelihood = Field(description="The former less the latter, row by row.")
    quality: SampleQuality
    generated: int
    given: dict[str, float]
    odd: list[OddRow]
    bandwidth: float
    clusters: int
    notes: list[str]
    estimated_seconds: float
    fit_seconds: float
    seconds: float


def estimate(request: EstimateDensityInput, context: ToolContext) -> EstimateDensityOutput:
    """Learn the density of a file's rows or a toy's, score it on held-out rows, generate, rank, draw.

    Raises:
        ToolError: ``limit`` for what would take too long, with the estimate; ``cancelled``; ``not_found`` for a file
            that is not there; ``invalid_input`` for what cannot be used.
    """
    from bethink.tools.density.tool_run import run

    return run(request, context, time.perf_counter())


estimate_density = Tool(
    name="estimate_density",
    description=(
        "Learn what distribution the rows of a table follow: held-out likelihood, more rows like them as a file, and "
        "the odd rows ranked. For an uploaded CSV or Parquet file of numbers, or a toy. Returns scores, plots, files."
    ),
    Input=EstimateDensityInput,
    Output=EstimateDensityOutput,
    run=estimate,
    examples=(
        ("Learn the distribution of two moons.", {}),
        (
            "Which points of the swiss roll are odd?",
            {"toy": "swiss_roll"},
        ),
        (
            "Estimate the density of the checkerboard from 10000 points and generate 5000.",
            {"toy": "checkerboard", "rows": 10_000, "generate": 5_000},
        ),
        (
            "Which rows of my table are outliers? Generate more rows like the rest.",
            {"upload": "table.csv", "odd_rows": 10},
        ),
    ),
    cost_hint="20-60 seconds",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(),
)
