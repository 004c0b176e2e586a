"""Bars of cold start out of what was measured: ours against the best baseline, and against ours without a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from tests.benchmarks.recommendation.scores import MEASURES, interval
from tests.benchmarks.report import Bar, bar

Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""Of each model, for each seed: ``{"warm": scores, "cold": scores, ...}``."""
OURS = "ours"
GOALS = {"cold": 0.02, "warm": -0.001}
"""What ours must have over the best baseline, in AUC."""
JUDGED = {"auc": "all samples", "domain_auc": "mean of domains"}
"""AUC of all samples also rewards knowing which domain is clicked more, so the domains' own must hold, too."""


def values(results: Results, model: str, part: str, measure: str) -> list[float]:
    """One value a seed."""
    return [seed[part][measure] for seed in results[model]]


def best(results: Results, baselines: Sequence[str], part: str, measure: str) -> str:
    """The baseline with the best mean over seeds; each part and measure has a best one of its own."""
    return max(baselines, key=lambda name: mean(values(results, name, part, measure)))


def difference(results: Results, model: str, part: str, measure: str) -> tuple[float, float]:
    """Ours less another model's, paired by seed: mean and half of its 95 % interval."""
    pairs = zip(values(results, OURS, part, measure), values(results, model, part, measure), strict=True)
    return interval([ours - other for ours, other in pairs])


def against_baselines(title: str, results: Results, baselines: Sequence[str]) -> tuple[list[Bar], dict[str, Any]]:
    """Four bars: warm and cold, all samples and mean of domains; and the same differences with intervals."""
    bars, figures = [], {}
    for part, goal in GOALS.items():
        for measure in MEASURES:
            rival = best(results, baselines, part, measure)
            gain, half = difference(results, rival, part, measure)
            figures[f"{part} {measure}"] = {"best": rival, "gain": gain, "half_width_95": half}
            if measure in JUDGED:
                name = f"{title}: {part} AUC ({JUDGED[measure]}) over the best baseline, {rival}"
                bars.append(bar(name, gain, ">=", goal))
    return bars, figures


def against_ablations(
    title: str, results: Results, ablations: Sequence[str], why: Mapping[str, str]
) -> tuple[list[Bar], dict[str, Any]]:
    """A bar for each: what it loses, the mean of its losses in warm and cold AUC (of domains), must be above 0.

    Or ``why``, of this set, must say under the ablation's name why it does not.
    """
    bars, figures = [], {}
    for name in ablations:
        parts = {part: difference(results, name, part, "domain_auc") for part in GOALS}
        each = [
            zip(values(results, OURS, p, "domain_auc"), values(results, name, p, "domain_auc"), strict=True)
            for p in GOALS
        ]
        loss, half = interval([mean(a - b for a, b in pair) for pair in zip(*each, strict=True)])
        figures[name] = {part: {"loss": lost, "half_width_95": width} for part, (lost, width) in parts.items()}
        figures[name] |= {"loss": loss, "half_width_95": half, "why_not_worse": None if loss > 0 else why.get(name)}
        goal = "> 0, or the table says why not"
        bars.append(
            Bar(f"{title}: AUC lost {name}, mean of warm and cold", round(loss, 4), goal, loss > 0 or name in why)
        )
    return bars, figures
