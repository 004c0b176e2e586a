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
from bethink.tools.threads import one_thread_if_small

SCORED_COMPONENTS = 4096
"""CRPS, coverage and ranks sort the members; in larger states they look at that many components, evenly spaced."""


class Filter(Protocol):
    """A filter's analysis step: forecast members (..., M, d) and observations (..., p) to analysis members."""

    def analyse(
        self,
        forecast: Tensor,
        observation: Tensor,
        operator: ObservationOperator,
        sd: float | Tensor,
        generator: torch.Generator,
    ) -> Tensor:
        """Members after the observation, (..., M, d)."""
        ...


@dataclass(frozen=True)
class TwinExperiment:
    """What happens in the made-up world; the same seed gives the same truth and errors for every filter.

    ``replicates`` independent worlds run side by side as one batch. ``start`` says where the members come from:
    ``climate`` (normal, with the climate's mean and spread), ``origin`` (``start_sd`` * N(0, I); with 1 as in the
    Ensemble Score Filter's authors' runs), or ``truth`` (the truth plus ``start_sd`` * N(0, I)).
    Every ``shock_every`` cycles (0: never) each component of the truth jumps by
    (``shock_sd`` + ``shock_scale`` * |x|) * N(0, 1); ``shocks`` instead lists (cycle, scale) pairs of relative shocks,
    cycles counted from 1. ``burn_in`` cycles are left out of averages (None: a third). ``watch`` are the components
    kept for plots; None takes the first 64. ``free`` also runs the members without any observation.
    """

    system: DynamicalSystem
    operator: ObservationOperator
    sd: float
    cycles: int
    steps_between: int
    seed: int = 0
    replicates: int = 1
    burn_in: int | None = None
    start: Literal["climate", "origin", "truth"] = "climate"
    start_sd: float = 1.0
    shock_every: int = 0
    shock_scale: float = 0.5
    shock_sd: float = 0.0
    shocks: tuple[tuple[int, float], ...] = ()
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
    watch: tuple[int, ...] | None = None
    free: bool = True


@dataclass
class TwinResult:
    """What came of a run: numbers at every analysis time, (replicates, cycles), and series of watched components.

    ``truth``, ``mean`` and ``member_sd`` are (cycles, watched), of the first replicate; ``observations`` too, NaN where
    a component is not observed. ``free_rmse`` is the error of the same members without any observation (NaN if not
    run). ``ranks`` counts the truth's ranks among the members after the burn-in, (M + 1,). A replicate that
    ``diverged`` (its members were no longer finite) has infinite errors from then on: it is counted, not dropped.
    """

    time: np.ndarray
    watch: tuple[int, ...]
    rmse: np.ndarray
    spread: np.ndarray
    crps: np.ndarray
    coverage: np.ndarray
    free_rmse: np.ndarray
    ranks: np.ndarray
    diverged: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    member_sd: np.ndarray
    observations: np.ndarray
    climatology: float
    direct: bool
    """Whether observations are in the state's units (identity), so that a plot may lay them over it."""
    burn_in: int = field(default=0)

    def after_burn_in(self, series: np.ndarray) -> float:
        """Mean of a (replicates, cycles) series over the replicates, and the cycles after ``burn_in``."""
        return float(series[:, self.burn_in :].mean())


def run_twin(
    experiment: TwinExperiment,
    method: Filter,
    members: int,
    on_cycle: Callable[[int], None] = lambda done: None,
) -> TwinResult:
    """Track ``experiment``'s truth with ``method`` and ``members`` members.

    ``on_cycle`` is called with the number of cycles done, and stops the run by raising.

    Raises:
        ValueError: from the filter, when what it is given does not fit.
    """
    with one_thread_if_small(experiment.replicates * members * experiment.system.dimension):
        return _run(experiment, method, members, on_cycle)


def _run(e: TwinExperiment, method: Filter, members: int, on_cycle: Callable[[int], None]) -> TwinResult:
    system = e.system
    nature, errors, chance = (_generator(e, stream) for stream in range(3))
    truth = system.spun_up(e.replicates, nature, e.dtype)
    ensemble = _first_members(e, members, truth, chance)
    free = ensemble.clone() if e.free else None
    watch = e.watch if e.watch is not None else tuple(range(min(system.dimension, 64)))
    picked, places = list(watch), _places(e)
    burn_in = e.cycles // 3 if e.burn_in is None else e.burn_in
    scored = slice(None, None, max(1, system.dimension // SCORED_COMPONENTS))
    scores = np.full((5, e.cycles, e.replicates), np.nan)
    series = np.full((4, e.cycles, len(watch)), np.nan)
    ranks = torch.zeros(members + 1, dtype=torch.long, device=e.device)
    diverged = torch.zeros(e.replicates, dtype=torch.bool, device=e.device)
    for cycle in range(e.cycles):
        truth = system.forecast(truth, e.steps_between, nature)
        truth = _shocked(e, cycle + 1, truth, nature)
        ensemble = _forecast(system, ensemble, e.steps_between, chance)
        _replace_lost(e, ensemble, truth, diverged, chance)
        if free is not None:
            free = _forecast(system, free, e.steps_between, chance)
        clean = e.operator.observe(truth.unsqueeze(-2)).squeeze(-2)
        noise = torch.randn(clean.shape, generator=errors, dtype=e.dtype, device=e.device)
        observation = clean + e.sd * noise
        ensemble = method.analyse(ensemble, observation, e.operator, e.sd, chance)
        _replace_lost(e, ensemble, truth, diverged, chance)
        part, true_part = ensemble[..., scored], truth[..., scored]
        scores[:, cycle] = np.stack(
            [
                _numpy(values)
                for values in (
                    torch.where(diverged, torch.inf, statistics.rmse(ensemble, truth)),
                    statistics.spread(ensemble),
                    statistics.crps(part, true_part),
                    statistics.coverage(part, true_part),
                    statistics.rmse(free, truth) if free is not None else torch.full_like(truth[:, 0], torch.nan),
                )
            ]
        )
        if cycle >= burn_in:
            ranks += statistics.ranks(part, true_part).sum(0)
        first = ensemble[0][:, picked]
        series[0, cycle], series[1, cycle] = _numpy(truth[0, picked]), _numpy(first.mean(0))
        series[2, cycle] = _numpy(first.std(0))
        series[3, cycle] = [float(observation[0, places[i]]) if i in places else np.nan for i in watch]
        on_cycle(cycle + 1)
    return TwinResult(
        time=np.arange(1, e.cycles + 1) * e.steps_between * system.dt,
        watch=watch,
        rmse=scores[0].T,
        spread=scores[1].T,
        crps=scores[2].T,
        coverage=scores[3].T,
        free_rmse=scores[4].T,
        ranks=ranks.cpu().numpy(),
        diverged=diverged.cpu().numpy(),
        truth=series[0],
        mean=series[1],
        member_sd=series[2],
        observations=series[3],
        climatology=system.climatology,
        direct=e.operator.name == "identity",
        burn_in=burn_in,
    )


def _forecast(system: DynamicalSystem, ensemble: Tensor, steps: int, chance: torch.Generator) -> Tensor:
    """Members (R, M, d) moved forward, as one long list of states."""
    return system.forecast(ensemble.flatten(0, 1), steps, chance).view_as(ensemble)


def _replace_lost(
    e: TwinExperiment, ensemble: Tensor, truth: Tensor, diverged: Tensor, chance: torch.Generator
) -> None:
    """Note replicates that are no longer finite in ``diverged``, and start their members again: the others go on."""
    lost = ~torch.isfinite(ensemble).flatten(1).all(-1)
    if lost.any():
        diverged |= lost
        ensemble[lost] = _first_members(e, ensemble.shape[1], truth, chance)[lost]


def _shocked(e: TwinExperiment, cycle: int, truth: Tensor, nature: torch.Generator) -> Tensor:
    scales = [scale for when, scale in e.shocks if when == cycle]
    if e.shock_every and cycle % e.shock_every == 0:
        scales.append(e.shock_scale)
    for scale in scales:
        noise = torch.randn(truth.shape, generator=nature, dtype=e.dtype, device=e.device)
        truth = truth + (e.shock_sd + scale * truth.abs()) * noise
    return truth


def _first_members(e: TwinExperiment, members: int, truth: Tensor, chance: torch.Generator) -> Tensor:
    if e.start == "climate":
        return e.system.draw((e.replicates, members), chance, e.dtype)
    shape = (e.replicates, members, e.system.dimension)
    noise = e.start_sd * torch.randn(shape, generator=chance, dtype=e.dtype, device=e.device)
    return noise if e.start == "origin" else truth.unsqueeze(-2) + noise


def _generator(e: TwinExperiment, stream: int) -> torch.Generator:
    """Independent streams for truth, errors and filter, so that changing one leaves the others alone."""
    word = int(np.random.SeedSequence([e.seed, stream]).generate_state(1, np.uint64)[0])
    return torch.Generator(device=e.device).manual_seed(word >> 1)


def _places(e: TwinExperiment) -> dict[int, int]:
    """Which observation value belongs to which component."""
    sites = e.operator.sites(e.system.dimension)
    return {} if sites is None else {int(component): index for index, component in enumerate(sites)}


def _numpy(values: Tensor) -> np.ndarray:
    return values.double().cpu().numpy()
