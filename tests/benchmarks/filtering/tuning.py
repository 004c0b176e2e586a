"""Scores of a run, and the search for the best LETKF: what every table here is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from bethink.tools.filtering.kalman import LETKF
from bethink.tools.filtering.twin import TwinExperiment, TwinResult, run_twin
from tests.benchmarks.report import show


@dataclass(frozen=True)
class Score:
    """One filter in one experiment, over all seeds, after the burn-in; a run that diverged has infinite error."""

    COLUMNS: ClassVar = ("", "rmse", "sd over seeds", "spread", "CRPS", "95 % band holds", "diverged")
    name: str
    rmse: float
    rmse_sd: float
    spread: float
    crps: float
    coverage: float
    diverged: int

    def row(self) -> tuple[object, ...]:
        """For a table."""
        return (self.name, self.rmse, self.rmse_sd, self.spread, self.crps, self.coverage, self.diverged)

    def as_dict(self) -> dict[str, Any]:
        """For the file of results."""
        return asdict(self)


def score(name: str, result: TwinResult) -> Score:
    """Means over seeds and times after the burn-in."""
    late = result.rmse[:, result.burn_in :].mean(1)
    with np.errstate(invalid="ignore"):
        sd = float(late.std(ddof=1)) if len(late) > 1 else 0.0
    return Score(
        name=name,
        rmse=float(late.mean()),
        rmse_sd=sd,
        spread=result.after_burn_in(result.spread),
        crps=result.after_burn_in(result.crps),
        coverage=result.after_burn_in(result.coverage),
        diverged=int(result.diverged.sum()),
    )


def grid(
    experiment: TwinExperiment, members: int, settings: Iterable[tuple[float, float]], where: str
) -> list[tuple[float, float]]:
    """(radius, inflation) of the LETKF, best first; the whole grid is printed."""
    found: dict[tuple[float, float], float] = {}
    for radius, inflation in settings:
        result = run_twin(experiment, LETKF(radius=radius, inflation=inflation), members)
        found[radius, inflation] = result.after_burn_in(result.rmse)
    radii, inflations = sorted({r for r, _ in found}), sorted({i for _, i in found})
    rows = [(f"radius {radius:g}", *(found[radius, i] for i in inflations)) for radius in radii]
    show(
        f"{where}: LETKF, {experiment.replicates} tuning seeds, rmse by radius and inflation",
        ("", *(f"{i:g}" for i in inflations)),
        rows,
    )
    return sorted(found, key=lambda key: found[key])
