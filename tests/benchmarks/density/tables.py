"""Real tables: held-out likelihood and sample quality beside NSF, MAF, KDE and GMM; where a peer is better is said.

``BETHINK_DENSITY_DATA=folder python -m tests.benchmarks.density.tables``. A random fifth of the rows is the test set (at
most 10,000); of the rest at most 20,000 are given to every model, each of which keeps a tenth of them for its own
choices. NSF and MAF train for the wall time that ours took. Nothing else is done to the columns than what each model
does inside, the same file for all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.benchmarks.density.files import data_folder, load, names
from tests.benchmarks.density.peers import peers_named
from tests.benchmarks.density.quality import quality_of
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.report import Bar, bar, show

MODELS = ("ours", "NSF", "MAF", "KDE", "GMM")
TRAIN, TEST, SEED = 20_000, 10_000, 0
WANTED = 3
BETTER = {"log_likelihood": max, "energy": min, "sliced": min}


def compare(name: str, seconds: float = math.inf) -> dict[str, Any]:
    """One job: all models on one table; a model that refuses it or fails on it is listed with what it says."""
    table = load(name, anomalies=False)
    order = np.random.default_rng(SEED).permutation(len(table.rows))
    held = max(1, len(order) // 5)
    test, train = table.rows[order[:held][:TEST]], table.rows[order[held:][:TRAIN]]
    half = len(train) // 2
    scores: dict[str, Any] = {
        "rows": len(train),
        "test_rows": len(test),
        "columns": table.rows.shape[1],
        "floor": quality_of(train[half:], test, train[:half]),
    }
    budget = seconds
    for model in peers_named(MODELS):
        try:
            model.fit(train, budget, SEED)
            log_prob = model.log_prob(test)
            scores[model.name] = {
                **quality_of(model.sample(TEST, SEED), test, train),
                "log_likelihood": float(log_prob.mean()),
                "standard_error": float(log_prob.std(ddof=1) / math.sqrt(len(log_prob))),
                "median_log_likelihood": float(np.median(log_prob)),
                "fit_seconds": model.fit_seconds,
            }
        except (ValueError, RuntimeError) as problem:
            scores[model.name] = {"refused": f"{type(problem).__name__}: {problem}"}
        if model.name == "ours":
            budget = model.fit_seconds or 60.0
    return scores


def run(seconds: float = math.inf) -> tuple[list[Bar], dict[str, Any]]:
    """Print a table for each file and the sentences about which model is best; the bar counts tables with all scores."""
    found = names(anomalies=False)
    results = dict(zip(found, side_by_side("tables", compare, [(name, seconds) for name in found]), strict=True))
    whole, sentences = 0, []
    for name, scores in results.items():
        about = f"{scores['rows']:,} training rows, {scores['test_rows']:,} test rows, {scores['columns']} columns"
        show(f"{name}: {about}", COLUMNS, [(model, *_cells(scores[model])) for model in ("floor", *MODELS)])
        if "refused" in scores["ours"]:
            sentences.append(f"{name}: ours refused it: {scores['ours']['refused']}")
            continue
        whole += 1
        sentences += [f"{name}: {_verdict(scores, key)}" for key in BETTER]
    print(*sentences, sep="\n")
    count = whole if data_folder() else None
    return [bar("tables: real tables measured", count, ">=", WANTED)], {"tables": results, "verdicts": sentences}


COLUMNS = ("model", "log p, nats", "s.e.", "median", "energy", "sliced W1", "memorisation", "fit, s")
DIGITS = {
    "log_likelihood": 3,
    "standard_error": 3,
    "median_log_likelihood": 3,
    "energy": 5,
    "sliced": 4,
    "memorisation": 3,
    "fit_seconds": 1,
}
WORDS = {"log_likelihood": "held-out log-likelihood", "energy": "energy distance", "sliced": "sliced Wasserstein"}


def _cells(scores: dict[str, Any]) -> tuple[str, ...]:
    if "refused" in scores:
        return ("failed", *("-" for _ in list(DIGITS)[1:]))
    return tuple(f"{scores[key]:.{digits}f}" if key in scores else "-" for key, digits in DIGITS.items())


def _verdict(scores: dict[str, Any], key: str) -> str:
    values = {m: scores[m][key] for m in MODELS if key in scores[m] and math.isfinite(scores[m][key])}
    best = BETTER[key](values, key=lambda model: values[model])
    if best == "ours":
        return f"{WORDS[key]}: ours is best ({values['ours']:.4g})."
    better = sorted(
        (m for m in values if BETTER[key](values[m], values["ours"]) != values["ours"]), key=lambda model: values[model]
    )
    listed = ", ".join(f"{m} {values[m]:.4g}" for m in better)
    return f"{WORDS[key]}: better than ours ({values['ours']:.4g}): {listed}."


if __name__ == "__main__":
    run()
