"""Items nobody has met: ours beside counts, text alone, boosted trees and networks, same features and splits for all.

``python -m tests.benchmarks.recommendation.cold_start``. A fifth of the items is left out of training in every role;
of the rest a tenth is held back for validation, so that stopping and settings look at new items as well as known ones.
Every network and ours has four settings tried on a split of its own (:data:`TUNING_SEED`) in half the time, chosen by
AUC on validation, and is then trained on five other splits. Each training, ours too, may take the same wall time on one
thread (``Source.seconds``; ours ends with the epoch it is in then), two jobs side by side, and stops before when
validation does not rise; boosted trees have that time for all their settings; counts and text alone take what they take.

Domains are groups of MovieLens's genres and constructed searches, or the departments of Complete Journey's shop. The bars
for AUC of all samples and for the mean of the domains' own, since the first also rewards knowing which domain is
clicked more. The best baseline is the best by the mean over seeds, another for each column if need be.

All models see the same: ids, levels, numbers, texts' vectors, and the labels of training. What our model makes of them,
the fit of an item's text to its user's history, is a part of it and not a feature of the set; what two baselines make of
it when they are given it is shown besides, as is ours without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from statistics import mean
from typing import Any

from bethink.tools.recommendation.baselines import BASELINES
from bethink.tools.recommendation.baselines.networks import validation_score
from tests.benchmarks.density.workers import side_by_side
from tests.benchmarks.recommendation import data, judging
from tests.benchmarks.recommendation.judging import GOALS, JUDGED, OURS, Results
from tests.benchmarks.recommendation.models import ABLATIONS, GRIDS, MODELS, TUNED, WITH_TASTES, model, tuned_as
from tests.benchmarks.recommendation.scores import cell, scores
from tests.benchmarks.report import Bar, bar, show

SEEDS, TUNING_SEED = 5, 100
WHY: dict[str, dict[str, str]] = {
    "complete_journey": {
        "without gating": "equal gates are as good for warm items (.0003 apart) and .004 better for cold ones; presumably "
        "gates learned from items that have an id weigh a new item's other aspects wrongly. They stay, since the reasons "
        "that are shown are shares of the gates."
    }
}
"""Of each set, why an ablation does not lose, where it was measured that it does not."""


def attempt(name: str, who: str, settings: str, seconds: float) -> dict[str, Any]:
    """One setting on the tuning split: AUC on its validation samples. Its test parts are not looked at."""
    parts = data.cold_start_parts(name, TUNING_SEED)
    made = model(who, data.text_vectors(parts.train), json.loads(settings))
    begun = time.perf_counter()
    made.fit(parts.train, parts.valid, seed=TUNING_SEED, max_seconds=seconds)
    spent = time.perf_counter() - begun
    return {"valid": validation_score(parts.valid, made.predict(parts.valid)), "seconds": spent}


def work(name: str, seed: int, who: str, settings: str, seconds: float) -> dict[str, Any]:
    """One training with the settings chosen: what it makes of warm and of cold items."""
    parts = data.cold_start_parts(name, seed)
    made = model(who, data.text_vectors(parts.train), json.loads(settings))
    begun = time.perf_counter()
    made.fit(parts.train, parts.valid, seed=seed, max_seconds=seconds)
    spent = time.perf_counter() - begun
    found = {
        part: scores(samples, made.predict(samples)) for part, samples in (("warm", parts.warm), ("cold", parts.cold))
    }
    return {**found, "seconds": spent}


def tune(
    name: str, seconds: float, tuned: Sequence[str] = TUNED
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Settings chosen for each model, and all that were tried; prints them."""
    jobs = [(name, who, json.dumps(settings), seconds) for who in tuned for settings in GRIDS[who]]
    tried = [
        {"model": who, "settings": json.loads(settings), **found}
        for (_, who, settings, _), found in zip(jobs, side_by_side("recommendation_tuning", attempt, jobs), strict=True)
    ]
    of = {who: [each for each in tried if each["model"] == who] for who in tuned}
    chosen = {who: max(own, key=lambda each: each["valid"]) for who, own in of.items()}
    rows = [
        (who, ", ".join(f"{k} {v}" for k, v in each["settings"].items()), each["valid"], f"{each['seconds']:.0f}",
         "chosen" if each is chosen[who] else "")
        for who in tuned
        for each in of[who]
    ]  # fmt: skip
    show(f"{name}: settings tried, on a split of their own", ("model", "settings", "validation AUC", "s", ""), rows)
    return {who: each["settings"] for who, each in chosen.items()}, tried


def tables(name: str, results: Results) -> None:
    """Print, for cold and for warm items, a table of all measures and one of AUC within each domain."""
    seeds = len(results[OURS])
    domains = list(dict.fromkeys(domain for seed in results[OURS] for domain in seed["cold"]["domains"]))
    kinds = {"AUC": "auc", "of domains": "domain_auc", "GAUC": "gauc", "log loss": "log_loss", "ECE": "ece"}
    for part in GOALS:
        rows = [
            (who, *(cell([seed[part][kind] for seed in own]) for kind in kinds.values()),
             f"{mean(seed['seconds'] for seed in own):.0f}")
            for who, own in results.items()
        ]  # fmt: skip
        show(f"{name}, {part} items: mean over {seeds} seeds (sd)", ("model", *kinds, "s"), rows)
        rows = [
            (who, *(cell([seed[part]["domains"].get(domain, {}).get("auc") for seed in own], 3) for domain in domains))
            for who, own in results.items()
        ]
        show(f"{name}, {part} items: AUC within each domain", ("model", *domains), rows)


def judge(name: str, results: Results) -> tuple[list[Bar], dict[str, Any]]:
    """The bars of one set, and the differences behind them, printed."""
    bars, gains = judging.against_baselines(name, results, list(BASELINES))
    _, given = judging.against_baselines(name, results, [*BASELINES, *WITH_TASTES])
    more, losses = judging.against_ablations(name, results, list(ABLATIONS), WHY.get(name, {}))
    rows = [
        (what, *(x for own in (gains, given) for x in (own[what]["best"], _signed(own[what], "gain"))))
        for what in gains
    ]
    heads = ("", "best baseline", "ours over it", "best, some with our tastes", "ours over it")
    show(f"{name}: ours over the best (95 % interval over seeds)", heads, rows)
    rows = [
        (what, *(_signed(own[part], "loss") for part in GOALS), _signed(own, "loss"),
         "yes" if own["loss"] > 0 else own["why_not_worse"] or "NO")
        for what, own in losses.items()
    ]  # fmt: skip
    show(f"{name}: AUC of domains lost (95 % interval)", ("ours", *GOALS, "mean", "worse, or why not"), rows)
    return [*bars, *more], {"gains": gains, "gains_with_tastes": given, "ablations": losses}


def _signed(found: Mapping[str, Any], key: str) -> str:
    return f"{found[key]:+.4f} ± {found['half_width_95']:.4f}"


def not_measured(name: str) -> list[Bar]:
    """The bars of a set that is not there."""
    title = f"{name}: {{}} AUC ({{}}) over the best baseline"
    parts = [bar(title.format(part, JUDGED[kind]), None, ">=", goal) for part, goal in GOALS.items() for kind in JUDGED]
    return [*parts, *(Bar(f"{name}: AUC lost {what}", None, "> 0", None) for what in ABLATIONS)]


def measure(name: str, seeds: int = SEEDS) -> tuple[list[Bar], dict[str, Any]]:
    """Tune, train and judge on one set."""
    seconds = data.source(name).seconds
    for seed in (TUNING_SEED, *range(seeds)):  # embed here, once, what all jobs then find on disk
        data.text_vectors(data.cold_start_parts(name, seed).train)
    chosen, tried = tune(name, seconds / 2)
    settings: Mapping[str, Any] = {who: chosen.get(tuned_as(who), {}) for who in MODELS}
    jobs = [(name, seed, who, json.dumps(settings[who]), seconds) for seed in range(seeds) for who in MODELS]
    done = side_by_side("recommendation_cold_start", work, jobs)
    results = {who: done[number :: len(MODELS)] for number, who in enumerate(MODELS)}
    tables(name, results)
    bars, differences = judge(name, results)
    return bars, {"seconds_at_most": seconds, "settings": settings, "tried": tried, "seeds": results, **differences}


def run() -> tuple[list[Bar], dict[str, Any]]:
    """Measure each set."""
    lacking = "" if find_spec("torch_rechub") else "torch-rechub is not installed (the extra rechub)"
    return data.each_set("cold_start", measure, not_measured, lacking)


if __name__ == "__main__":
    run()
