"""``track_state``: filters compared on a made-up truth, or run on a file of observations; a tool an agent can call."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from bethink.tools.contract import Tool, ToolContext, ToolInput, ToolOutput
from bethink.tools.filtering.tool_limits import TIMEOUT_S, refuse_if_too_big

FilterName = Literal["robust", "score", "letkf", "enkf", "particle"]


class TrackStateInput(ToolInput):
    """What to track, how it is seen, and with which filters."""

    system: Literal["lorenz63", "lorenz96", "kuramoto_sivashinsky", "double_well", "random_walk", "linear"] = Field(
        "lorenz63",
        description="lorenz63 (3 variables), lorenz96 or kuramoto_sivashinsky (waves on a circle), double_well, "
        "random_walk (the default for an upload), or linear.",
    )
    dimension: int | None = Field(
        None, ge=1, le=100_000, description="Variables; default 40 for lorenz96, else the system's own."
    )
    observation: Literal["identity", "arctan", "cubic", "abs", "quadratic", "saturating"] = Field(
        "identity", description="How the instrument sees a variable: directly, or through this function."
    )
    observe_every: int = Field(1, ge=1, le=1000, description="Observe every k-th variable; 1 sees all.")
    noise: float = Field(0.3, gt=0, le=1e6, description="Standard deviation of the observation errors.")
    filters: list[FilterName] = Field(
        ["robust"], min_length=1, max_length=5, description="Filters to compare on the same observations."
    )
    members: int = Field(30, ge=2, le=500, description="Ensemble members.")
    cycles: int = Field(100, ge=1, le=2000, description="How many times an observation arrives.")
    steps: int | None = Field(None, ge=1, le=100, description="Model steps between observations; default by system.")
    shock: float = Field(
        0.0, ge=0, le=10, description="Half-way the truth jumps by this many of its standard deviations; 0: never."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Same seed, same result.")
    upload: str | None = Field(
        None, max_length=120, description="Name of an uploaded CSV file to track instead of a made-up truth."
    )

    @field_validator("filters")
    @classmethod
    def _each_once(cls, names: list[FilterName]) -> list[FilterName]:
        return list(dict.fromkeys(names))


class FilterScore(BaseModel):
    """How one filter did, averaged after the burn-in; numbers are missing where its members diverged."""

    filter: FilterName
    rmse: float | None = Field(description="Error of the ensemble mean after each observation.")
    spread: float | None = Field(description="Ensemble standard deviation; near the rmse when honest.")
    crps: float | None
    coverage: float | None = Field(description="Share of true values within the ensemble's 95 % interval.")
    seconds: float
    diverged: bool


class SeriesScore(BaseModel):
    """How one filter explained an uploaded series."""

    filter: FilterName
    prediction_rmse: float = Field(description="Root mean square of observation minus prediction.")
    innovation_ratio: float = Field(description="Size of the misses over the size the filter expected; 1 when honest.")
    seconds: float


class TrackStateOutput(ToolOutput):
    """What both kinds of run tell."""

    system: str
    dimension: int
    members: int
    observation_noise: float
    best: FilterName
    notes: list[str]
    seconds: float


class TwinOutput(TrackStateOutput):
    """How well a made-up truth was tracked, with what to compare it to."""

    cycles: int
    burn_in: int = Field(description="First cycles left out of the averages.")
    shock: float
    filters: list[FilterScore]
    free_rmse: float = Field(description="Error of the same ensemble without any observation.")
    climatology: float | None = Field(description="Error of always answering with the long-term mean, if there is one.")


class SeriesOutput(TrackStateOutput):
    """How well the model with the filters predicted an uploaded series, one row ahead."""

    upload: str
    rows: int
    columns: list[str] = Field(description="The first of them; their number is that of `observed`.")
    observed: int
    missing: int
    burn_in: int = Field(description="First rows left out of the averages.")
    filters: list[SeriesScore]
    persistence_rmse: float | None = Field(description="Error of predicting each value by the one before it.")


def track(request: TrackStateInput, context: ToolContext) -> TrackStateOutput:
    """Run the twin experiment, or the file's observations, with every filter asked for, and draw them.

    Raises:
        ToolError: ``limit`` for a request too big, ``cancelled``, ``not_found`` for a file that is not there,
            ``invalid_input`` for what cannot be run.
    """
    start = time.perf_counter()
    if request.upload:
        from bethink.tools.filtering.tool_series import track_series

        if "system" not in request.model_fields_set:
            request = request.model_copy(update={"system": "random_walk"})
        return track_series(request, context, start)
    from bethink.tools.filtering.tool_twin import track_twin

    refuse_if_too_big(request)
    context.checkpoint(0.0, "Preparing")
    return track_twin(request, context, start)


track_state = Tool(
    name="track_state",
    description=(
        "Track a changing state from noisy observations: compare filters (robust, Ensemble Score Filter, LETKF, EnKF, "
        "particle) on a chaotic system, or run them on an uploaded CSV file. Returns errors and plots."
    ),
    Input=TrackStateInput,
    Output=TrackStateOutput,
    run=track,
    examples=(
        ("Track the Lorenz-63 system from noisy observations.", {}),
        (
            "Track a Lorenz-96 system with 100 variables seen through arctan with noise 0.05.",
            {"system": "lorenz96", "dimension": 100, "observation": "arctan", "noise": 0.05},
        ),
        (
            "How well can 50 members follow Lorenz-63 when the observation noise is 1?",
            {"system": "lorenz63", "noise": 1.0, "members": 50},
        ),
        (
            "Compare the robust filter, the score filter and LETKF on Lorenz-96 when the truth jumps.",
            {"system": "lorenz96", "filters": ["robust", "score", "letkf"], "shock": 1.0},
        ),
    ),
    cost_hint="2-60 seconds",
    timeout_s=TIMEOUT_S,
    inferred=frozenset(),
)
