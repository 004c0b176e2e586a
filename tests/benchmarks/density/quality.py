"""Samples of seven distributions beside flows trained for the same wall time, and whether they are copies.

``python -m tests.benchmarks.density.quality``. For each set and seed: 5,000 training rows; ours is fitted first, and
NSF, MAF and flow matching then train for the seconds that took, labels and all, in the same process on one thread. Two
such jobs run side by side. KDE and GMM take the time they take. Energy distance (V-statistic) and sliced Wasserstein-1
are of 30,000 samples to 30,000 held-out rows, standardised by the training rows (fewer leave the difference of good
models in the noise of drawing). The floor is that of as many fresh rows of the truth; energy distance's is above zero
by construction (about E|x - x'| / 15,000). The line of the training rows says how far those are from the truth
themselves, which is what a model has to go by: near it, models differ by chance more than by merit.

``BETHINK_DENSITY_SETS=two_moons,...`` measures some sets anew; the others' figures stay, each with its commit. The bars
are on the means over the seeds. Gaussian mixtures are another one for each seed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from statistics import mean, stdev
from typing import Any

import numpy as np

from bethink.tools.density.metrics import (
    duplicates_share,
    energy_distance,
    memorisation_ratio,
    sliced_wasserstein,
    standardised,
)
from bethink.tools.density.toys import gaussian_mixture, toy_named
from tests.benchmarks.density.peers import Model, Table, peers_named
from tests.benchmarks.density.speed import sampling_speed
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import RESULTS, Bar, bar, commit, show

SETS = (
    "two_moons",
    "checkerboard",
    "swiss_roll",
    "eight_gaussians",
    "pinwheel",
    "gaussian_mixture_10",
    "gaussian_mixture_20",
)
SEEDS, TRAIN, HELD_OUT = 5, 5_000, 20_000
MODELS = ("ours", "NSF", "MAF", "flow matching", "KDE", "GMM")
LINES = ("floor", "training rows", *MODELS)
RIVALS = ("NSF", "MAF", "flow matching")
METRICS = ("energy", "sliced")


def source(name: str, seed: int) -> Callable[[int, int], Table]:
    """rows, stream -> independent draws of a set; a mixture is the seed's own."""
    if name.startswith("gaussian_mixture_"):
        truth = gaussian_mixture(int(name.rsplit("_", 1)[1]), seed)
        return lambda rows, stream: truth.sample(rows, 1000 * (seed + 1) + stream)
    return lambda rows, stream: toy_named(name, rows, 1000 * (seed + 1) + stream)


def quality_of(samples: Table, held_out: Table, train: Table) -> dict[str, float]:
    """Distances of samples to held-out rows and to training rows, all standardised by the latter."""
    made, truth, learnt = standardised(train, samples, held_out, train)
    return {
        "energy": energy_distance(made, truth),
        "sliced": sliced_wasserstein(made, truth),
        "memorisation": memorisation_ratio(made, truth, learnt),
        "memorisation_mean": memorisation_ratio(made, truth, learnt, "mean"),
        "duplicates": duplicates_share(made, learnt),
    }


def held_out_likelihood(model: Model, rows: Table) -> float | None:
    """Mean log density of held-out rows; flow matching's is left out, since it would take minutes."""
    return None if model.name == "flow matching" else float(np.mean(model.log_prob(rows)))


def compare(name: str, seed: int, seconds: float = math.inf) -> dict[str, Any]:
    """One job: all models on one set and seed; ``seconds`` limits ours' training (infinite: its default)."""
    draw = source(name, seed)
    train, held_out = draw(TRAIN, 0), draw(HELD_OUT, 1)
    scores: dict[str, Any] = {
        "floor": quality_of(draw(HELD_OUT, 2), held_out, train),
        "training rows": quality_of(train, held_out, train),
    }
    budget = seconds
    for model in peers_named(MODELS):
        model.fit(train, budget, seed)
        if model.name == "ours":
            budget = model.fit_seconds
        scores[model.name] = {
            **quality_of(model.sample(HELD_OUT, seed), held_out, train),
            "log_likelihood": held_out_likelihood(model, held_out),
            "fit_seconds": model.fit_seconds,
        }
    return scores


def measured_before(names: set[str]) -> dict[str, Any]:
    """What docs/results/density.json has of these sets."""
    file = RESULTS / "density.json"
    parts = json.loads(file.read_text(encoding="utf-8"))["figures"] if file.exists() else {}
    sets = parts.get("quality", {}).get("sets", {})
    before = parts.get("quality", {}).get("commit", "unknown")
    return {name: {"commit": before, **sets[name]} for name in names if name in sets}


def run(
    seeds: int = SEEDS, seconds: float = math.inf, sets: tuple[str, ...] = SETS
) -> tuple[list[Bar], dict[str, Any]]:
    """Print a table for each set and that of ratios; bars and figures."""
    wanted = [name for name in os.environ.get("BETHINK_DENSITY_SETS", "").split(",") if name] or list(sets)
    kept = measured_before(set(sets) - set(wanted))
    wanted = [name for name in sets if name not in kept]
    results = side_by_side("quality", compare, [(name, seed, seconds) for name in wanted for seed in range(seeds)])
    now = {name: results[n * seeds : (n + 1) * seeds] for n, name in enumerate(wanted)}
    bars: list[Bar] = []
    figures: dict[str, Any] = {}
    ratios: list[tuple[object, ...]] = []
    for name in sets:
        mine = now[name] if name in now else kept[name]["seeds"]
        rows = [(model, *_cells([scores[model] for scores in mine])) for model in LINES]
        show(f"{name}: mean over {seeds} seeds (sd over seeds)", COLUMNS, rows)
        averages = {model: {m: mean(s[model][m] for s in mine) for m in METRICS} for model in LINES}
        over = {m: {r: averages["ours"][m] / averages[r][m] for r in ("floor", *RIVALS)} for m in METRICS}
        ratios.append((name, *(f"{over[m][r]:.2f}" for m in METRICS for r in ("floor", *RIVALS))))
        for metric, label in zip(METRICS, ("energy distance", "sliced Wasserstein"), strict=True):
            worst = max(over[metric][rival] for rival in RIVALS)
            bars.append(bar(f"{name}: {label}, ours over the best of NSF, MAF, flow matching", worst, "<=", 1))
        off = abs(mean(scores["ours"]["memorisation"] for scores in mine) - 1)
        bars.append(bar(f"{name}: memorisation ratio of ours, distance from 1", off, "<=", 0.1))
        at = commit() if name in now else kept[name].get("commit", "that of the part")
        figures[name] = {"ratios": over, "seeds": mine, "commit": at}
    heads = [f"{letter} / {short}" for letter in "EW" for short in ("floor", "NSF", "MAF", "FM")]
    title = "Ours over the floor and each rival (below 1: ours is nearer); E energy distance, W sliced Wasserstein"
    show(title, ("set", *heads), ratios)
    more, speeds = sampling_speed()
    return [*bars, *more], {"sets": figures, "sampling": speeds}


COLUMNS = ("model", "energy", "sliced W1", "memorisation", "copies", "held-out log p", "fit, s")


def _cells(scores: list[dict[str, Any]]) -> tuple[str, ...]:
    def cell(key: str, digits: int) -> str:
        values = [s[key] for s in scores if s.get(key) is not None]
        if not values:
            return "-"
        return f"{mean(values):.{digits}f}" + (f" ({stdev(values):.{digits}f})" if len(values) > 1 else "")

    digits = {"energy": 5, "sliced": 4, "memorisation": 3, "duplicates": 3, "log_likelihood": 3, "fit_seconds": 1}
    return tuple(cell(key, number) for key, number in digits.items())


if __name__ == "__main__":
    run()
