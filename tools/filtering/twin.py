"""Twin experiments: a truth is made, observed with errors, and tracked by a filter that never sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from bethink.tools.filtering import statistics
from bethink.tools.filtering.models import DynamicalSystem
from bethink.tools.filtering.operators import ObservationOperator
from bethink.tools.filtering.threads import one_thread_if_small


class Filter(Protocol):
    """A filter's analysis step: forecast members (M, d) and an observation (p,) to analysis members (M, d)."""

    def analyse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Members after the observation."""
        ...


@dataclass(frozen=True)
class TwinExperiment:
    """What happens in the made-up world; the same seed gives the same truth and errors for every filter.

    ``start`` says where the members come from: ``climate`` (normal, with the climate's mean and spread) or
    ``standard`` (N(0, I), as in the authors' runs). Every ``shock_every`` cycles (0: never) each component of the
    truth jumps by ``shock_scale`` * |x| * N(0, 1). ``watch`` are the components kept for plots; None takes the
    first 64.
    """

    system: DynamicalSystem
    operator: ObservationOperator
    sd: float
    cycles: int
    steps_between: int
    seed: int = 0
    start: Literal["climate", "standard"] = "climate"
    shock_every: int = 0
    shock_scale: float = 0.5
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    watch: tuple[int, ...] | None = None


@dataclass
class TwinResult:
    """What came of a run: numbers at every analysis time, (cycles,), and series of the watched components.

    ``truth``, ``mean`` and ``member_sd`` are (cycles, watched); ``observations`` too, NaN where a component is not
    observed. ``free_rmse`` is the error of the same members without any observation.
    """

    time: np.ndarray
    watch: tuple[int, ...]
    rmse: np.ndarray
    spread: np.ndarray
    crps: np.ndarray
    free_rmse: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    member_sd: np.ndarray
    observations: np.ndarray
    climatology: float
    direct: bool
    """Whether observations are in the state's units (identity), so that a plot may lay them over it."""
    burn_in: int = field(default=0)

    def after_burn_in(self, series: np.ndarray) -> float:
        """Mean of a series over the cycles after ``burn_in``."""
        return float(series[self.burn_in :].mean())


def run_twin(
    experiment: TwinExperiment,
    method: Filter,
    members: int,
    on_cycle: Callable[[int], None] = lambda done: None,
    observed: tuple[int, ...] | None = None,
) -> TwinResult:
    """Track ``experiment``'s truth with ``method`` and ``members`` members.

    ``on_cycle`` is called with the number of cycles done, and stops the run by raising. ``observed`` names, for the
    plots, the component that each observation value belongs to; None: read from the operator's stride if it has one.

    Raises:
        ValueError: from the filter, when what it is given does not fit.
    """
    with one_thread_if_small(members * experiment.system.dimension):
        return _run(experiment, method, members, on_cycle, observed)


def _run(
    e: TwinExperiment, method: Filter, members: int, on_cycle: Callable[[int], None], observed: tuple[int, ...] | None
) -> TwinResult:
    system = e.system
    nature, errors, chance = (_generator(e, stream) for stream in range(3))
    truth = system.spun_up(nature, e.dtype)
    ensemble = _first_members(e, members, chance)
    free = ensemble.clone()
    watch = e.watch if e.watch is not None else tuple(range(min(system.dimension, 64)))
    picked, places = list(watch), _places(e, observed)
    scores = np.zeros((4, e.cycles))
    series = np.full((4, e.cycles, len(watch)), np.nan)
    for cycle in range(e.cycles):
        truth = system.forecast(truth, e.steps_between)
        if e.shock_every and (cycle + 1) % e.shock_every == 0:
            truth = truth + e.shock_scale * truth.abs() * torch.randn(
                truth.shape, generator=nature, dtype=e.dtype, device=e.device
            )
        ensemble = system.forecast(ensemble, e.steps_between)
        free = system.forecast(free, e.steps_between)
        clean = e.operator.observe(truth[None])[0]
        noise = torch.randn(clean.shape, generator=errors, dtype=e.dtype, device=e.device)
        observation = clean + e.sd * noise
        ensemble = method.analyse(ensemble, observation, e.operator, e.sd, chance)
        scores[:, cycle] = (
            statistics.rmse(ensemble, truth),
            statistics.spread(ensemble),
            statistics.crps(ensemble, truth),
            statistics.rmse(free, truth),
        )
        series[0, cycle], series[1, cycle] = _numpy(truth[picked]), _numpy(ensemble[:, picked].mean(0))
        series[2, cycle] = _numpy(ensemble[:, picked].std(0))
        series[3, cycle] = [float(observation[places[i]]) if i in places else np.nan for i in watch]
        on_cycle(cycle + 1)
    return TwinResult(
        time=np.arange(1, e.cycles + 1) * e.steps_between * system.dt,
        watch=watch,
        rmse=scores[0],
        spread=scores[1],
        crps=scores[2],
        free_rmse=scores[3],
        truth=series[0],
        mean=series[1],
        member_sd=series[2],
        observations=series[3],
        climatology=system.climatology,
        direct=e.operator.name == "identity",
        burn_in=e.cycles // 3,
    )


def _first_members(e: TwinExperiment, members: int, chance: torch.Generator) -> Tensor:
    if e.start == "climate":
        return e.system.draw(members, chance, e.dtype)
    return torch.randn(members, e.system.dimension, generator=chance, dtype=e.dtype, device=e.device)


def _generator(e: TwinExperiment, stream: int) -> torch.Generator:
    """Independent streams for truth, errors and filter, so that changing one leaves the others alone."""
    word = int(np.random.SeedSequence([e.seed, stream]).generate_state(1, np.uint64)[0])
    return torch.Generator(device=e.device).manual_seed(word >> 1)


def _places(e: TwinExperiment, observed: tuple[int, ...] | None) -> dict[int, int]:
    if observed is None:
        stride = getattr(e.operator, "stride", None)
        observed = tuple(range(0, e.system.dimension, stride)) if stride else ()
    return {component: index for index, component in enumerate(observed)}


def _numpy(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
