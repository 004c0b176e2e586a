"""Odd rows first: AUROC of ours beside IsolationForest and KDE on labelled sets.

``BETHINK_DENSITY_DATA=folder python -m tests.benchmarks.density.anomalies``. No model sees labels, and odd rows are
among those it learns from. Ours (as the tool ranks) and KDE score each row by minus log p under a density of the other
parts of the set (cross-fitting, the same parts), IsolationForest (scikit-learn's defaults) by its score after a fit to
all rows. KDE's bandwidth is chosen by held-out likelihood.
"""

from __future__ import annotations

import math
import time
from statistics import mean, stdev
from typing import Any

import numpy as np

from bethink.tools.density.tool_limits import parts_of
from bethink.tools.density.tool_ranking import cross_fitted
from tests.benchmarks.density.files import data_folder, load, names
from tests.benchmarks.density.peers import Kernel
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import Bar, bar, show

MODELS = ("ours", "IsolationForest", "KDE")
SEEDS, WANTED, MOST_ROWS = 3, 3, 10_000


def compare(name: str, seed: int) -> dict[str, Any]:
    """One job: the AUROC and seconds (fit and ranking) of each model on one set."""
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    table = load(name, anomalies=True)
    assert table.outlier is not None
    scores: dict[str, Any] = {
        "rows": len(table.rows),
        "columns": table.rows.shape[1],
        "share": float(table.outlier.mean()),
    }
    for model, rank in {"ours": _ours, "KDE": _kernel}.items():
        start = time.perf_counter()
        try:
            auroc = float(roc_auc_score(table.outlier, -rank(table.rows, seed)))
            scores[model] = {"auroc": auroc, "seconds": time.perf_counter() - start}
        except (ValueError, RuntimeError) as problem:
            scores[model] = {"refused": f"{type(problem).__name__}: {problem}"}
    start = time.perf_counter()
    forest = IsolationForest(random_state=seed).fit(table.rows)
    auroc = float(roc_auc_score(table.outlier, -forest.score_samples(table.rows)))
    scores["IsolationForest"] = {"auroc": auroc, "seconds": time.perf_counter() - start}
    return scores


def _ours(rows: np.ndarray, seed: int) -> np.ndarray:
    """The tool's own ranking."""
    return cross_fitted(None, rows, rows, None, MOST_ROWS, seed, lambda share, message: None)


def _kernel(rows: np.ndarray, seed: int) -> np.ndarray:
    """scikit-learn's kernel density in the same parts."""
    parts = parts_of(len(rows))
    part = np.random.default_rng(seed).permutation(len(rows)) % parts
    found = np.empty(len(rows))
    for number in range(parts):
        model = Kernel()
        model.fit(rows[part != number][:MOST_ROWS], math.inf, seed)
        found[part == number] = model.log_prob(rows[part == number])
    return found


def run(seeds: int = SEEDS) -> tuple[list[Bar], dict[str, Any]]:
    """Print the table; the bar counts the sets that ours ranked."""
    found = names(anomalies=True)
    results = side_by_side("anomalies", compare, [(name, seed) for name in found for seed in range(seeds)])
    rows: list[tuple[object, ...]] = []
    figures: dict[str, Any] = {}
    averages: dict[str, list[float]] = {model: [] for model in MODELS}
    for number, name in enumerate(found):
        mine = results[number * seeds : (number + 1) * seeds]
        figures[name] = mine
        about = (f"{mine[0]['rows']:,}", f"{mine[0]['columns']}", f"{mine[0]['share']:.3f}")
        values = {m: [s[m]["auroc"] for s in mine if "auroc" in s[m]] for m in MODELS}
        times = [mean(s[m].get("seconds", math.nan) for s in mine) for m in MODELS]
        rows.append((name, *about, *(_cell(values[m]) for m in MODELS), " / ".join(f"{t:.1f}" for t in times)))
        if all(values.values()):
            for model in MODELS:
                averages[model].append(mean(values[model]))
        elif not values["ours"]:
            print(f"{name}: ours refused it: {mine[0]['ours']['refused']}")
    if averages["ours"]:
        rows.append(("mean over sets", "", "", "", *(f"{mean(averages[m]):.3f}" for m in MODELS), ""))
    heads = ("set", "rows", "columns", "odd", *MODELS, "seconds, each")
    show(f"AUROC, mean over {seeds} seeds (sd over seeds)", heads, rows)
    count = len(averages["ours"]) if data_folder() else None
    return [bar("anomalies: sets ranked beside IsolationForest and KDE", count, ">=", WANTED)], figures


def _cell(values: list[float]) -> str:
    if not values:
        return "refused"
    return f"{mean(values):.3f}" + (f" ({stdev(values):.3f})" if len(values) > 1 else "")


if __name__ == "__main__":
    run()
