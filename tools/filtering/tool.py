"""``track_state``: a twin experiment with the Ensemble Score Filter, as a tool an agent can call."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bethink.tools.contract import Plot, Tool, ToolContext, ToolError, ToolInput, ToolOutput

if TYPE_CHECKING:
    from bethink.tools.filtering.twin import TwinResult

SDE_STEPS = 60
"""Pseudo-time steps; with the exponential stepper 60 are as good as 200 of the paper's for direct observations."""
TIMEOUT_S = 120.0
MAX_WORK = 1.5e9
"""Members x dimension x cycles x (pseudo-time + model) steps; 20 to 30 ns each on a quiet machine."""
MAX_BYTES = 2_000_000_000
"""Largest memory a run may take."""


class TrackStateInput(ToolInput):
    """What to track, how it is seen, and with how many members."""

    system: Literal["lorenz63", "lorenz96"] = Field(
        "lorenz63", description="Chaotic system: lorenz63 (3 variables) or lorenz96 (waves on a circle)."
    )
    dimension: int = Field(40, ge=4, le=100_000, description="Sites of lorenz96; lorenz63 always has 3.")
    observation: Literal["identity", "arctan", "cubic"] = Field(
        "identity", description="How the instrument sees a component: directly, through arctan, or cubed."
    )
    observe_every: int = Field(1, ge=1, le=1000, description="Observe every k-th component; 1 sees all.")
    noise: float = Field(0.3, gt=0, le=100, description="Standard deviation of the observation errors.")
    members: int = Field(30, ge=2, le=500, description="Ensemble members.")
    cycles: int = Field(100, ge=1, le=2000, description="How many times an observation arrives.")
    steps: int | None = Field(
        None, ge=1, le=100, description="Model steps between observations; default 12 for lorenz63, 1 for lorenz96."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Same seed, same result.")


class TrackStateOutput(ToolOutput):
    """How well the state was tracked, with what to compare it to."""

    system: str
    dimension: int
    members: int
    cycles: int
    burn_in: int = Field(description="First cycles left out of the averages.")
    rmse: float = Field(description="Error of the ensemble mean after each observation, averaged.")
    spread: float = Field(description="Ensemble standard deviation; near the rmse when honest.")
    crps: float
    free_rmse: float = Field(description="Error of the same ensemble without any observation.")
    climatology: float = Field(description="Error of always answering with the long-term mean.")
    observation_noise: float
    seconds: float


def track(request: TrackStateInput, context: ToolContext) -> TrackStateOutput:
    """Run the twin experiment and draw it.

    Raises:
        ToolError: ``limit`` for a request too big, ``cancelled``, ``invalid_input`` for what cannot be run.
    """
    refuse_if_too_big(request)
    context.checkpoint(0.0, "Preparing")
    import time

    from bethink.tools.filtering.models import system_named
    from bethink.tools.filtering.operators import operator_named
    from bethink.tools.filtering.score_filter import EnsembleScoreFilter
    from bethink.tools.filtering.twin import TwinExperiment, run_twin

    start = time.perf_counter()
    system = system_named(request.system, request.dimension)
    experiment = TwinExperiment(
        system=system,
        operator=operator_named(request.observation, request.observe_every),
        sd=request.noise,
        cycles=request.cycles,
        steps_between=request.steps or system.steps_between,
        seed=request.seed,
    )
    method = EnsembleScoreFilter(
        n_steps=SDE_STEPS, stepper="exponential", prior="own", state_scale=state_scale(request)
    )

    def on_cycle(done: int) -> None:
        refuse_if_too_slow(done, request.cycles, time.perf_counter() - start)
        context.checkpoint(0.9 * done / request.cycles, f"Cycle {done} of {request.cycles}")

    try:
        result = run_twin(experiment, method, request.members, on_cycle)
    except ValueError as problem:
        raise ToolError("invalid_input", str(problem), "Try smaller noise, more members or fewer steps.") from problem
    context.checkpoint(0.92, "Drawing")
    plots = _draw(request, result, context)
    return _report(request, system.dimension, result, plots, time.perf_counter() - start)


def state_scale(request: TrackStateInput) -> float:
    """Units in which the filter runs: four times the noise where a component is seen directly, else 1.

    The filter's own constants were tuned (by its authors) for sharp observations. With this scale Lorenz-63 and
    Lorenz-96 are tracked from noise 0.1 to 2; without it, members ignore observations from noise 1 on.
    """
    return max(1.0, 4 * request.noise) if request.observation == "identity" else 1.0


def refuse_if_too_big(request: TrackStateInput) -> None:
    """Refuse what would not end in time or in memory.

    Raises:
        ToolError: code ``limit``, with the number and what would fit.
    """
    d = 3 if request.system == "lorenz63" else request.dimension
    steps = request.steps or (12 if request.system == "lorenz63" else 1)
    bytes_needed = 4 * 14 * request.members * d
    if bytes_needed > MAX_BYTES:
        fits = int(MAX_BYTES / (4 * 14 * d))
        message = f"This needs about {bytes_needed / 1e9:.1f} GB of memory; {MAX_BYTES / 1e9:g} GB is the most."
        raise ToolError("limit", message, f"Use at most {fits} members, or a smaller dimension.")
    # Small systems cost the tensor library's call overhead, as much as about 5000 numbers would. A model step of
    # the two ensembles (with and without observations) costs about one pseudo-time step.
    work_a_cycle = max(request.members * d, 5000) * (SDE_STEPS + steps)
    if work_a_cycle * request.cycles > MAX_WORK:
        fits = int(MAX_WORK / work_a_cycle)
        message = f"This is {work_a_cycle * request.cycles:.1e} updates of a number; {MAX_WORK:.1e} is the most."
        raise ToolError("limit", message, f"Use at most {fits} cycles, or fewer members, or a smaller dimension.")


def refuse_if_too_slow(done: int, cycles: int, seconds: float) -> None:
    """Stop a run early that at its pace (a busy or a slow machine's, say) would not end in time.

    Raises:
        ToolError: code ``limit``, with the projected seconds and what would fit.
    """
    projected = seconds * cycles / done
    if seconds > 4 and projected > TIMEOUT_S:
        fits = max(1, int(0.8 * TIMEOUT_S * done / seconds))
        message = f"At this machine's pace the run would take about {projected:.0f} s; {TIMEOUT_S:.0f} s is the most."
        raise ToolError("limit", message, f"Use at most {fits} cycles, or fewer members, or a smaller dimension.")


def _draw(request: TrackStateInput, result: TwinResult, context: ToolContext) -> list[Plot]:
    from bethink.tools.filtering import plot

    tag = uuid.uuid4().hex[:8]
    first = context.folder / f"track_{request.system}_{tag}.png"
    second = context.folder / f"track_error_{tag}.png"
    context.folder.mkdir(parents=True, exist_ok=True)
    if request.system == "lorenz63":
        plot.draw_components(result, ("x", "y", "z"), first)
        title = "Lorenz-63: truth, observations and estimate"
        alt = "Three time series, one a variable: the truth, the observations, and the estimate with its band."
    else:
        plot.draw_field(result, first)
        title = "Lorenz-96: truth and estimate over time"
        alt = "Two space-time pictures of the waves, the truth beside the filter's estimate."
    plot.draw_errors(result, second)
    rmse, free = result.after_burn_in(result.rmse), result.after_burn_in(result.free_rmse)
    error_alt = f"Error and spread over time: error {rmse:.2g} on average, {free:.2g} without observations."
    return [
        Plot(path=str(first), title=title, alt=alt),
        Plot(path=str(second), title="Error and spread", alt=error_alt),
    ]


def _report(
    request: TrackStateInput, dimension: int, result: TwinResult, plots: list[Plot], seconds: float
) -> TrackStateOutput:
    rmse, spread, crps, free, climate = (
        float(f"{value:.3g}")
        for value in (
            *(result.after_burn_in(s) for s in (result.rmse, result.spread, result.crps, result.free_rmse)),
            result.climatology,
        )
    )
    name = {"lorenz63": "Lorenz-63", "lorenz96": "Lorenz-96"}[request.system]
    verdict = "tracked" if rmse < climate / 3 else "followed loosely" if rmse < 0.8 * climate else "lost"
    summary = (
        f"{name} ({dimension} variables) was {verdict}: rmse {rmse:g} with {request.members} members after "
        f"{request.cycles} observations, spread {spread:g}. Without observations the rmse is {free:g}; "
        f"always guessing the long-term mean gives {climate:g}."
    )
    return TrackStateOutput(
        summary=summary,
        plots=plots,
        system=request.system,
        dimension=dimension,
        members=request.members,
        cycles=request.cycles,
        burn_in=result.burn_in,
        rmse=rmse,
        spread=spread,
        crps=crps,
        free_rmse=free,
        climatology=climate,
        observation_noise=request.noise,
        seconds=round(seconds, 2),
    )


track_state = Tool(
    name="track_state",
    description=(
        "Track a chaotic system (Lorenz-63 or Lorenz-96) from noisy observations with the Ensemble Score Filter. "
        "Returns the tracking error beside the error without observations, and plots."
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
    ),
    cost_hint="2-60 seconds",
    timeout_s=TIMEOUT_S,
)
