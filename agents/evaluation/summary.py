"""Figures of a run, and of one run against another, each with the interval that holds its mean in 95 of 100 cases.

Intervals are a bootstrap (2,000 draws, seed fixed) over conversations where there are five or more, since questions of
one conversation are alike; else over single results. A share of 0/1 scores of single results has Wilson's interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

import numpy as np

from bethink.agents.evaluation.conversations import EvaluationError
from bethink.agents.evaluation.runs import Row, Run

DRAWS, CLUSTERS = 2000, 5
ALL = "all"


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval and the number of results behind it."""

    mean: float
    low: float
    high: float
    count: int

    def as_dict(self) -> dict[str, float | int]:
        """Plain data, four digits."""
        return {
            "mean": round(self.mean, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "count": self.count,
        }


def estimate(values: Sequence[float], groups: Sequence[str], *, shares: bool = True) -> Estimate:
    """The mean of values [n] that belong to groups [n], n at least 1. ``shares``: 0 and 1 are misses and hits."""
    names = sorted(set(groups))
    clustered = CLUSTERS <= len(names) < len(values)
    if shares and not clustered and set(values) <= {0.0, 1.0}:
        return _wilson(int(sum(values)), len(values))
    place = {name: number for number, name in enumerate(names)}
    of = np.array([place[group] for group in groups]) if clustered else np.arange(len(values))
    sums, counts = np.bincount(of, np.asarray(values, float)), np.bincount(of).astype(float)
    drawn = np.random.default_rng(0).integers(0, len(sums), (DRAWS, len(sums)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), (0.025, 0.975))
    centre = mean(values)  # a few very unlike values can leave it outside
    return Estimate(centre, min(float(low), centre), max(float(high), centre), len(values))


def _wilson(right: int, count: int) -> Estimate:
    from scipy.stats import binomtest

    found = binomtest(right, count).proportion_ci(method="wilson")
    return Estimate(right / count, float(found.low), float(found.high), count)


Scores = dict[str, dict[str, dict[str, Estimate]]]
"""suite, kind (or :data:`ALL`), score."""


def scores(rows: Iterable[Row]) -> Scores:
    """Every score of every suite, of all its results and of each kind."""
    values: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    for row in rows:
        for name, value in row.scores.items():
            for kind in (ALL, row.kind):
                values.setdefault((row.suite, kind, name), []).append((value, row.group))
    found: Scores = {}
    for (suite, kind, name), pairs in values.items():
        each, groups = zip(*pairs, strict=True)
        found.setdefault(suite, {}).setdefault(kind, {})[name] = estimate(each, groups)
    return found


def so_far(rows: Iterable[Row]) -> dict[tuple[str, str], tuple[float, int]]:
    """(suite, score) to its mean and number of results, quickly: without intervals and kinds."""
    sums: dict[tuple[str, str], tuple[float, int]] = {}
    for row in rows:
        for name, value in row.scores.items():
            total, count = sums.get((row.suite, name), (0.0, 0))
            sums[row.suite, name] = (total + value, count + 1)
    return {key: (total / count, count) for key, (total, count) in sums.items()}


def costs(rows: Iterable[Row]) -> dict[str, float]:
    """What a run cost: sums and medians, in the units of their names. Joules are estimated from CPU time."""
    asked = [row.costs for row in rows if row.suite == "questions"]
    kept = [row.costs for row in rows if row.suite == "remembering"]
    turns, items = (sum(each[name] for each in kept) for name in ("turns", "items"))
    found = {"questions": float(len(asked)), "turns": turns, "items": items}
    if turns:
        found["remember_ms_per_turn"] = 1000 * sum(each["seconds"] for each in kept) / turns
        found["remember_joules_per_turn"] = sum(each["joules"] for each in kept) / turns
    if items and any(each["bytes"] for each in kept):
        found["bytes_per_item"] = sum(each["bytes"] for each in kept) / items
    for name in ("recall_ms", "answer_s", "tokens_in", "tokens_out", "joules"):
        if values := [each[name] for each in asked if name in each]:
            found[f"{name}_median"] = median(values)
            if name == "recall_ms":
                found["recall_ms_p95"] = float(np.quantile(values, 0.95))
    return {name: round(value, 4) for name, value in found.items()}


def summary(run: Run) -> dict[str, Any]:
    """Settings, scores and costs of a run as plain data."""
    plain = {
        suite: {kind: {name: found.as_dict() for name, found in each.items()} for kind, each in kinds.items()}
        for suite, kinds in scores(run.rows).items()
    }
    return {"settings": run.settings, "scores": plain, "costs": costs(run.rows)}


@dataclass(frozen=True)
class Difference:
    """A score of two runs on the results they share, and the second less the first with its 95 % interval."""

    suite: str
    score: str
    first: float
    second: float
    difference: Estimate

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


def compare(first: Run, second: Run) -> list[Difference]:
    """Every score that both runs have, on the questions and items both answered.

    Raises:
        EvaluationError: the runs are of different data, or share no result.
    """
    if first.settings.get("data") != second.settings.get("data"):
        raise EvaluationError(
            f"{first.path} is of {first.settings.get('data')} and {second.path} of {second.settings.get('data')}. "
            "Only runs of the same data can be compared."
        )
    others = {(row.suite, row.id): row for row in second.rows}
    pairs = [(row, others[row.suite, row.id]) for row in first.rows if (row.suite, row.id) in others]
    names = dict.fromkeys((one.suite, name) for one, other in pairs for name in one.scores if name in other.scores)
    if not names:
        raise EvaluationError("The two runs have no scored question in common.")
    found = []
    for suite, name in names:
        both = [(a, b) for a, b in pairs if a.suite == suite and name in a.scores and name in b.scores]
        before, after = ([row.scores[name] for row in side] for side in zip(*both, strict=True))
        gains = [b - a for a, b in zip(before, after, strict=True)]
        groups = [a.group for a, _ in both]
        found.append(Difference(suite, name, mean(before), mean(after), estimate(gains, groups, shares=False)))
    return found
