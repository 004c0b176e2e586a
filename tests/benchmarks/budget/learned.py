"""Learned from logs: chord search in a process estimated from a randomised campaign, B = 6, judged in the true one.

``python -m tests.benchmarks.budget.learned``. The log is all that the learner sees, with the names of the three factors
that a state number is made of. Beside it the same search with plain means, and Lagrangian fitted Q iteration: gradient
descent on the price, 50 best responses, its last policy. What a plan is worth and costs is computed exactly in the true
process. Smoothing was chosen on campaigns 100 to 109; the bars are of campaigns 0 to 9.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bethink.tools.budget import environment
from bethink.tools.budget.chord import Mixture, chord_search, mix
from bethink.tools.budget.log import Log
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.model import Factors, ModelOracle
from bethink.tools.budget.multiplier import ogd_average
from bethink.tools.budget.rules import plan_outcome
from tests.benchmarks.report import Bar, bar, show

BUDGET, SEEDS, DESCENTS = 6.0, 10, 50
USERS = (1_000, 5_000, 20_000, 100_000)
SIZE = 20_000
"""Users of the campaigns that the bars are about."""


def factors() -> Factors:
    """Segment, engagement and fatigue of each state number."""
    places = np.stack(environment.parts(np.arange(environment.STATES)), axis=1)
    return Factors(places, (False, True, True))


def smoothed(log: Log) -> Mixture:
    """Ours: means that lean on each other, two policies."""
    return chord_search(ModelOracle.from_log(log, factors=factors()), BUDGET)


def plain(log: Log) -> Mixture:
    """The same search on plain means."""
    return chord_search(ModelOracle.from_log(log, environment.STATES), BUDGET)


def descent(log: Log) -> Mixture:
    """Gradient descent on the price, its last best response alone."""
    found = ogd_average(ModelOracle.from_log(log, environment.STATES), BUDGET, max_solves=DESCENTS)
    last = found.trace[-1]
    return Mixture(*mix([(last, 1.0)]), last.multiplier, None, found.trace)


LEARNERS: dict[str, Callable[[Log], Mixture]] = {
    "two policies, smoothed": smoothed,
    "two policies, plain means": plain,
    "Lagrangian FQI, last policy": descent,
}


def measure(users: int, seed: int) -> dict[str, dict[str, float]]:
    """What each learner's plan is truly worth and costs, what it thought itself, and how long it took."""
    log, truth = environment.campaign(users, seed), environment.tabular()
    found = {}
    for name, learn in LEARNERS.items():
        started = time.perf_counter()
        plan = learn(log)
        seconds = time.perf_counter() - started
        true = plan_outcome(truth, plan)
        found[name] = {
            "value": true.reward,
            "cost": true.cost,
            "planned": plan.outcome.reward,
            "solves": float(len(plan.trace)),
            "seconds": seconds,
        }
    return found


def run(seeds: int = SEEDS, sizes: tuple[int, ...] = USERS) -> tuple[list[Bar], dict[str, Any]]:
    """Print the table; the bars are those of 20,000 users."""
    limit = solve_lp(environment.tabular(), BUDGET).value
    figures: dict[str, Any] = {"optimum": limit, "users": {}}
    rows: list[tuple[object, ...]] = []
    for users in sizes:
        runs = [measure(users, seed) for seed in range(seeds)]
        figures["users"][str(users)] = runs
        for name in LEARNERS:
            columns = {key: np.array([one[name][key] for one in runs]) for key in runs[0][name]}
            value, cost = columns["value"], columns["cost"]
            rows.append(
                (
                    f"{users:,} users: {name}",
                    f"{value.mean():.4f} ({value.std(ddof=1):.4f})",
                    f"{cost.mean():.3f} ({cost.std(ddof=1):.3f})",
                    f"{columns['planned'].mean():.3f}",
                    f"{columns['solves'].mean():.1f}",
                    f"{columns['seconds'].mean():.2f}",
                )
            )
    heads = ("", "true value (s.d.)", "true cost (s.d.)", "its own estimate", "solves", "seconds")
    show(f"Learned from logs, B = {BUDGET:g}, optimum {limit:.4f}, {seeds} campaigns each", heads, rows)
    ours = [one["two policies, smoothed"] for one in figures["users"].get(str(SIZE), [])]
    value, cost = (np.array([one[key] for one in ours]) for key in ("value", "cost"))
    known = bool(len(ours) > 1)
    return [
        bar(f"{SIZE} users: mean true value", float(value.mean()) if known else None, ">=", 5.57),
        bar(f"{SIZE} users: mean true cost, at least", float(cost.mean()) if known else None, ">=", 5.75),
        bar(f"{SIZE} users: mean true cost, at most", float(cost.mean()) if known else None, "<=", 6.05),
        bar(f"{SIZE} users: s.d. of the true cost", float(cost.std(ddof=1)) if known else None, "<=", 0.12),
    ], figures


if __name__ == "__main__":
    run()
