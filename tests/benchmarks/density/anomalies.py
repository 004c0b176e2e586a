"""Odd rows first: AUROC of ours beside IsolationForest and KDE on labelled sets.

``BETHINK_DENSITY_DATA=folder python -m tests.benchmarks.density.anomalies``. Every model is fitted on all rows of a set,
odd ones among them, without labels, and ranks the same rows: ours and KDE by minus log p, IsolationForest (scikit-learn's
defaults) by its score. KDE's bandwidth is chosen by held-out likelihood; it takes 20,000 rows at most.
"""

from __future__ import annotations

import math
import time
from statistics import mean, stdev
from typing import Any

import numpy as np

from tests.benchmarks.density.files import data_folder, load, names
from tests.benchmarks.density.peers import peers_named
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import Bar, bar, show

MODELS = ("ours", "IsolationForest", "KDE")
SEEDS, WANTED, KDE_ROWS = 3, 3, 20_000


def compare(name: str, seed: int, seconds: float = math.inf) -> dict[str, Any]:
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
    for model in peers_named(("ours", "KDE")):
        rows = table.rows
        if model.name == "KDE":
            rows = rows[np.random.default_rng(seed).permutation(len(rows))[:KDE_ROWS]]
        start = time.perf_counter()
        try:
            model.fit(rows, seconds, seed)
            auroc = float(roc_auc_score(table.outlier, -model.log_prob(table.rows)))
            scores[model.name] = {"auroc": auroc, "seconds": time.perf_counter() - start}
        except (ValueError, RuntimeError) as problem:
            scores[model.name] = {"refused": f"{type(problem).__name__}: {problem}"}
    start = time.perf_counter()
    forest = IsolationForest(random_state=seed).fit(table.rows)
    auroc = float(roc_auc_score(table.outlier, -forest.score_samples(table.rows)))
    scores["IsolationForest"] = {"auroc": auroc, "seconds": time.perf_counter() - start}
    return scores


def run(seeds: int = SEEDS, seconds: float = math.inf) -> tuple[list[Bar], dict[str, Any]]:
    """Print the table; the bar counts the sets that ours ranked."""
    found = names(anomalies=True)
    results = side_by_side("anomalies", compare, [(name, seed, seconds) for name in found for seed in range(seeds)])
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
