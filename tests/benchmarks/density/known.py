"""Densities against known ones: whether ours integrates to one, and how far log p is from the truth's.

``python -m tests.benchmarks.density.known``. The integral is a sum over a regular grid (the midpoint rule) that reaches
three standard deviations beyond the training rows on each side; the same on every second point says how good the grid
is. The error is the mean of |log p - log truth| over 5,000 fresh points of a Gaussian mixture, after 5,000 training
rows; NSF trains for the wall time that ours took. GMM is of the truth's own family and is printed only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean, stdev
from typing import Any

import numpy as np

from bethink.tools.density.toys import TOY_NAMES, gaussian_mixture
from tests.benchmarks.density.peers import Table, peers_named
from tests.benchmarks.density.quality import source
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import Bar, bar, show

DIMENSIONS, SEEDS, ROWS = (1, 2, 5, 10), 5, 5_000
MODELS = ("ours", "KDE", "NSF", "GMM")
RANKED = ("ours", "KDE", "NSF")
POINTS = {1: 20_001, 2: 451}
"""Grid points a side."""
INTEGRALS = (
    *(("gaussian_mixture_1", seed) for seed in range(3)),
    *(("gaussian_mixture_2", seed) for seed in range(3)),
    *((name, 0) for name in TOY_NAMES),
)


def integral(log_prob: Callable[[Table], Table], rows: Table, points: int) -> tuple[float, float]:
    """The density's integral over a box around the rows (n, 1) or (n, 2), and that on every second point a side."""
    low, high, sd = rows.min(0), rows.max(0), rows.std(0)
    sides = [np.linspace(a - 3 * s, b + 3 * s, points) for a, b, s in zip(low, high, sd, strict=True)]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*sides, indexing="ij")], 1)
    parts = [log_prob(grid[start : start + 20_000]) for start in range(0, len(grid), 20_000)]
    density = np.exp(np.concatenate(parts)).reshape([points] * len(sides))
    cell = math.prod(float(axis[1] - axis[0]) for axis in sides)
    coarse = density[tuple(slice(None, None, 2) for _ in sides)]
    return float(density.sum() * cell), float(coarse.sum() * cell * 2 ** len(sides))


def integrate(name: str, seed: int, seconds: float = math.inf) -> dict[str, Any]:
    """One job: ours fitted, its density summed up."""
    train = source(name, seed)(ROWS, 0)
    (ours,) = peers_named(["ours"])
    ours.fit(train, seconds, seed)
    fine, coarse = integral(ours.log_prob, train, POINTS[train.shape[1]])
    return {"dimension": train.shape[1], "integral": fine, "coarse": coarse}


def errors(dimension: int, seed: int, seconds: float = math.inf) -> dict[str, Any]:
    """One job: mean |log p - log truth| and mean (log truth - log p) of each model on one mixture."""
    truth = gaussian_mixture(dimension, seed)
    train, fresh = truth.sample(ROWS, 100 + seed), truth.sample(ROWS, 200 + seed)
    known, budget = truth.log_prob(fresh), seconds
    scores: dict[str, Any] = {}
    for model in peers_named(MODELS):
        model.fit(train, budget, seed)
        if model.name == "ours":
            budget = model.fit_seconds
        off = known - model.log_prob(fresh)
        scores[model.name] = {
            "error": float(np.abs(off).mean()),
            "divergence": float(off.mean()),
            "fit_seconds": model.fit_seconds,
        }
    return scores


def run(seeds: int = SEEDS, seconds: float = math.inf) -> tuple[list[Bar], dict[str, Any]]:
    """Print both tables; bars and figures."""
    sums = side_by_side("known-integral", integrate, [(*case, seconds) for case in INTEGRALS])
    rows: list[tuple[object, ...]] = [
        (f"{name}, seed {seed}", f"{s['dimension']}", s["integral"], abs(s["integral"] - s["coarse"]))
        for (name, seed), s in zip(INTEGRALS, sums, strict=True)
    ]
    show("Integral of ours over a grid", ("set", "d", "integral", "change with half the points"), rows)
    bars = []
    for d in (1, 2):
        worst = max(abs(s["integral"] - 1) for s in sums if s["dimension"] == d)
        bars.append(bar(f"{d}-D: largest |integral - 1|", worst, "<=", 0.02))

    found = side_by_side("known-error", errors, [(d, seed, seconds) for d in DIMENSIONS for seed in range(seeds)])
    table: list[tuple[object, ...]] = []
    figures: dict[str, Any] = {}
    for number, d in enumerate(DIMENSIONS):
        mine = found[number * seeds : (number + 1) * seeds]
        average = {model: mean(s[model]["error"] for s in mine) for model in MODELS}
        rank = sorted(RANKED, key=lambda model: average[model]).index("ours") + 1
        table.append((f"{d}", *(_cell([s[model]["error"] for s in mine]) for model in MODELS), f"{rank}"))
        bars.append(bar(f"d = {d}: rank of ours by mean |log p error| among ours, KDE, NSF", rank, "<=", 2))
        figures[str(d)] = mine
    title = f"Gaussian mixtures: mean |log p error|, mean over {seeds} seeds (sd over seeds)"
    show(title, ("d", *MODELS, "rank of ours"), table)
    integrals = {f"{name}, seed {seed}": s for (name, seed), s in zip(INTEGRALS, sums, strict=True)}
    return bars, {"integrals": integrals, "errors": figures}


def _cell(values: list[float]) -> str:
    return f"{mean(values):.4f}" + (f" ({stdev(values):.4f})" if len(values) > 1 else "")


if __name__ == "__main__":
    run()
