"""What ``track_state`` chooses for a request: each filter's settings, and what is refused because it is too big."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bethink.tools.contract import ToolError

if TYPE_CHECKING:
    from bethink.tools.filtering.models import DynamicalSystem
    from bethink.tools.filtering.tool import TrackStateInput
    from bethink.tools.filtering.twin import Filter

TIMEOUT_S = 120.0
MAX_SECONDS = 90.0
"""Longest run that is begun, estimated for a quiet machine (one core of a 2023 server)."""
MAX_BYTES = 2_000_000_000
"""Largest memory a run may take."""
SDE_STEPS = 60
"""Pseudo-time steps of the score filter; with the exponential stepper as good as the paper's 200 where a variable is
seen directly."""
NOISY = ("double_well", "random_walk", "linear")
"""Systems whose own noise keeps the members apart: no inflation is needed."""
ALL_NEAR = 1e6
"""A localisation radius beyond every system: no localisation."""
RADIUS = {"lorenz96": 4.0, "kuramoto_sivashinsky": 12.0, "random_walk": 0.2}
"""Localisation in components; a random walk's components know nothing of each other. Elsewhere none."""
DIMENSIONS = {
    "lorenz63": 3,
    "lorenz96": 40,
    "kuramoto_sivashinsky": 128,
    "double_well": 1,
    "random_walk": 1,
    "linear": 2,
}
"""What each system has when nothing is asked for; the first and the fourth always have that."""
STEPS = {"lorenz63": 12, "kuramoto_sivashinsky": 4, "double_well": 20}
"""Model steps between observations where they are not 1."""


def filter_named(name: str, system: DynamicalSystem, observation: str, noise: float, members: int) -> Filter:
    """A filter with settings that suit the system: localisation, inflation, scale. None is tuned to a seed.

    Raises:
        ValueError: an unknown name.
    """
    from bethink.tools.filtering.kalman import LETKF, EnKF
    from bethink.tools.filtering.particle import ParticleFilter
    from bethink.tools.filtering.robust import RobustFilter
    from bethink.tools.filtering.score_filter import EnsembleScoreFilter

    calm = system.name not in NOISY
    if name == "robust":
        radius = None if system.name in ("lorenz63", "lorenz96") else RADIUS.get(system.name, ALL_NEAR)
        return RobustFilter(radius=radius, periodic=system.periodic)
    if name == "score":
        scale = state_scale(observation, noise)
        return EnsembleScoreFilter(n_steps=SDE_STEPS, stepper="exponential", prior="own", state_scale=scale)
    if name == "letkf":
        radius = RADIUS.get(system.name, ALL_NEAR)
        return LETKF(radius=radius, periodic=system.periodic, rotate=True, inflation=1.04 if calm else 1.0)
    if name == "enkf":
        return EnKF(inflation=1.05 if calm else 1.0)
    if name == "particle":
        return ParticleFilter(jitter=1.0 if calm and members < 100 else 0.5)
    raise ValueError(f"There is no filter {name!r}. Choose from robust, score, letkf, enkf, particle.")


def state_scale(observation: str, noise: float) -> float:
    """Units in which the score filter runs: four times the noise where a variable is seen directly, else 1.

    The filter's own constants were tuned (by its authors) for sharp observations. With this scale Lorenz-63 and
    Lorenz-96 are tracked from noise 0.1 to 2; without it, members ignore observations from noise 1 on.
    """
    return max(1.0, 4 * noise) if observation in ("identity", "abs") else 1.0


def dimension_of(request: TrackStateInput) -> int:
    """Variables of the system asked for."""
    if request.system in ("lorenz63", "double_well") or request.dimension is None:
        return DIMENSIONS[request.system]
    return request.dimension


def seconds_a_cycle(name: str, request: TrackStateInput, dimension: int) -> float:
    """Estimated for one filter on a quiet core: its analysis, the forecasts with and without observations, the scores.

    From runs of 3 to 100,000 variables with 20 to 500 members; within a factor of two of most of them.
    """
    members, steps = request.members, request.steps or STEPS.get(request.system, 1)
    numbers = members * dimension
    in_turn = min(dimension, 7.3 * RADIUS.get(request.system, ALL_NEAR) + 1)
    forecast = 2 * steps * (1.2e-4 + 2.5e-8 * numbers)
    analysis = {
        "robust": 2e-3 + 4e-4 * in_turn + dimension * (1e-5 + 6e-7 * members),
        "score": SDE_STEPS * 3e-8 * max(numbers, 5000),
        "letkf": 6e-4 + dimension * (3e-5 + 5e-7 * members),
        "enkf": 6e-4 + 1e-7 * numbers,
        "particle": 5e-4 + 1e-7 * numbers,
    }[name]
    return 1.5e-3 + forecast + analysis


def refuse_if_too_big(request: TrackStateInput, rows: int | None = None, dimension: int | None = None) -> None:
    """Refuse what would not end in time or in memory. ``rows`` and ``dimension`` are an uploaded file's.

    Raises:
        ToolError: code ``limit``, with the number and what would fit.
    """
    d = dimension or dimension_of(request)
    count = rows or request.cycles
    # up to 26 arrays of the members' size were seen, and 3 kB a variable for grids and neighbourhoods; a file's run
    # is in double precision and keeps six numbers a variable and row
    fixed, a_member = 3000 * d, 4 * 26 * d
    if rows is not None:
        fixed, a_member = fixed + 48 * rows * d * len(request.filters), 2 * a_member
    needed = fixed + a_member * request.members
    if request.system == "linear":
        needed += 8 * d * d
    if needed > MAX_BYTES:
        fits = int((MAX_BYTES - needed + a_member * request.members) / a_member)
        message = f"This needs about {needed / 1e9:.1f} GB of memory; {MAX_BYTES / 1e9:g} GB is the most."
        instead = f"Use at most {fits} members, or a smaller dimension." if fits >= 2 else "Use a smaller dimension."
        raise ToolError("limit", message, instead)
    a_cycle = sum(seconds_a_cycle(name, request, d) for name in request.filters)
    if a_cycle * count > MAX_SECONDS:
        fits = int(MAX_SECONDS / a_cycle)
        message = f"This would take about {a_cycle * count:.0f} s on a quiet machine; {MAX_SECONDS:.0f} s is the most."
        instead = f"Use at most {fits} cycles, or fewer" if fits else "Use fewer"
        raise ToolError("limit", message, f"{instead} members or filters, or a smaller dimension.")


def refuse_if_too_slow(done: float, cycles: int, seconds: float) -> None:
    """Stop a run early that at its pace (a busy or a slow machine's, say) would not end in time.

    Raises:
        ToolError: code ``limit``, with the projected seconds and what would fit.
    """
    projected = seconds * cycles / done
    if seconds > 4 and projected > TIMEOUT_S:
        fits = max(1, int(0.8 * TIMEOUT_S * done / seconds))
        message = f"At this machine's pace the run would take about {projected:.0f} s; {TIMEOUT_S:.0f} s is the most."
        raise ToolError("limit", message, f"Use at most {fits} cycles, or fewer members, or a smaller dimension.")


class Pace:
    """Progress over several filters, weighed by what each is expected to cost; stops what cannot end in time.

    The pace is taken from the first cycle's end on: until then a process imports and compiles.
    """

    def __init__(self, request: TrackStateInput, dimension: int, cycles: int) -> None:
        costs = [seconds_a_cycle(name, request, dimension) for name in request.filters]
        self.shares = [cost / sum(costs) for cost in costs]
        self.cycles = cycles
        self.first: tuple[float, float] | None = None

    def share(self, index: int, done: int, now: float) -> float:
        """The share of all work done when filter ``index`` has done ``done`` cycles.

        Raises:
            ToolError: ``limit``, see :func:`refuse_if_too_slow`.
        """
        share = sum(self.shares[:index]) + self.shares[index] * done / self.cycles
        if self.first is None:
            self.first = share, now
        elif share > self.first[0]:
            refuse_if_too_slow((share - self.first[0]) * self.cycles, self.cycles, now - self.first[1])
        return share
