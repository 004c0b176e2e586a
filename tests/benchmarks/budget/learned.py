"""Learned from logs: chord search in a process estimated from a randomised campaign, B = 6, judged in the true one.

``python -m tests.benchmarks.budget.learned``. The log is all that the learner sees, with the names of the three factors
that a state number is made of. Beside it the same search with plain means, and Lagrangian fitted Q iteration: gradient
descent on the price, 50 best responses, its last policy. What a plan is worth and costs is computed exactly in the true
process. Beside what the learner thinks itself: fitted Q evaluation on users that it did not learn from, the mean of two
plans learned from half of the users each. Smoothing was chosen on campaigns 100 to 109, which have their own table; the
bars are of campaigns 0 to 9.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bethink.tools.budget import environment
from bethink.tools.budget.chord import Mixture, chord_search, mix
from bethink.tools.budget.counts import Counts
from bethink.tools.budget.log import Log
from bethink.tools.budget.lp import solve_lp
from bethink.tools.budget.model import ModelOracle
from bethink.tools.budget.multiplier import ogd_average
from bethink.tools.budget.ope.fqe import cross_fit
from bethink.tools.budget.rules import plan_outcome
from bethink.tools.budget.smoothing import Factors
from tests.benchmarks.report import Bar, bar, show

BUDGET, SEEDS, DESCENTS = 6.0, 10, 50
USERS = (1_000, 5_000, 20_000, 100_000)
SIZE = 20_000
"""Users of the campaigns that the bars are about."""
CHOSEN_ON = 100
"""The first of the campaigns that smoothing was chosen on."""
EXACT = 1e-9
FEW = 25
"""Rows below which a pair of state and amount counts as rarely logged."""


def factors() -> Factors:
    """Segment, engagement and fatigue of each state number."""
    places = np.stack(environment.parts(np.arange(environment.STATES)), axis=1)
    return Factors(places, (False, True, True))


def smoothed(log: Log) -> Mixture:
    """Ours: means that lean on each other, two policies."""
    return chord_search(ModelOracle.from_log(log, factors=factors()), BUDGET, tolerance=EXACT)


def plain(log: Log) -> Mixture:
    """The same search on plain means."""
    return chord_search(ModelOracle.from_log(log, environment.STATES), BUDGET, tolerance=EXACT)


def descent(log: Log) -> Mixture:
    """Gradient descent on the price, its last best response alone."""
    found = ogd_average(ModelOracle.from_log(log, environment.STATES), BUDGET, max_solves=DESCENTS)
    last = found.trace[-1]
    return Mixture(*mix([(last, 1.0)]), last.multiplier, None, found.trace)


OURS = "two policies, smoothed"
LEARNERS: dict[str, Callable[[Log], Mixture]] = {
    OURS: smoothed,
    "two policies, plain means": plain,
    "Lagrangian FQI, last policy": descent,
}


def measure(users: int, seed: int) -> dict[str, dict[str, float]]:
    """What each learner's plan is truly worth and costs, what it and held-out users say, and how long it took."""
    log, truth = environment.campaign(users, seed), environment.tabular()
    found = {}
    for name, learn in LEARNERS.items():
        started = time.perf_counter()
        plan = learn(log)
        seconds = time.perf_counter() - started
        true, held_out = plan_outcome(truth, plan), cross_fit(log, learn, replicates=2)
        found[name] = {
            "value": true.reward,
            "cost": true.cost,
            "planned": plan.outcome.reward,
            "held out": held_out.reward.value,
            "held out cost": held_out.cost.value,
            "solves": float(len(plan.trace)),
            "seconds": seconds,
        }
    return found


def table(title: str, runs: dict[int, list[dict[str, dict[str, float]]]]) -> None:
    """Means over campaigns, with standard deviations between them."""
    rows: list[tuple[object, ...]] = []
    for users, found in runs.items():
        for name in LEARNERS:
            columns = {key: np.array([one[name][key] for one in found]) for key in found[0][name]}
            value, cost = columns["value"], columns["cost"]
            rows.append(
                (
                    f"{users:,}: {name}",
                    f"{value.mean():.4f} ({value.std(ddof=1):.4f})",
                    f"{cost.mean():.3f} ({cost.std(ddof=1):.3f})",
                    f"{columns['planned'].mean():.3f}",
                    f"{columns['held out'].mean():.3f}",
                    f"{columns['held out cost'].mean():.2f}",
                    f"{columns['solves'].mean():.1f}",
                    f"{columns['seconds'].mean():.2f}",
                )
            )
    heads = ("users", "true value (s.d.)", "true cost (s.d.)", "own estimate", "held out", "its cost", "solves", "s")
    show(title, heads, rows)


def support(users: int, seeds: int) -> dict[str, float]:
    """Pairs of state and amount, of all of them, that were never or rarely logged; means over campaigns."""
    counts = [Counts.of(environment.campaign(users, seed), environment.STATES) for seed in range(seeds)]
    return {
        "pairs": float(counts[0].given.size),
        "never": float(np.mean([each.rare().sum() for each in counts])),
        "rarely": float(np.mean([each.rare(FEW).sum() for each in counts])),
    }


def run(seeds: int = SEEDS, sizes: tuple[int, ...] = USERS) -> tuple[list[Bar], dict[str, Any]]:
    """Print the tables; the bars are those of 20,000 users.

    Raises:
        ValueError: fewer than two campaigns, which have no standard deviation.
    """
    if seeds < 2:
        raise ValueError(f"{seeds} campaigns; at least two are needed.")
    limit = solve_lp(environment.tabular(), BUDGET).value
    runs = {users: [measure(users, seed) for seed in range(seeds)] for users in sizes}
    chosen_on = [measure(SIZE, CHOSEN_ON + seed) for seed in range(seeds)]
    logged = {users: support(users, seeds) for users in sizes}
    table(f"Learned from logs, B = {BUDGET:g}, optimum {limit:.4f}, campaigns 0 to {seeds - 1}", runs)
    table(f"The same on the campaigns that smoothing was chosen on, from {CHOSEN_ON}", {SIZE: chosen_on})
    heads = ("users", "pairs", "never logged", f"under {FEW} rows")
    show("Pairs of state and amount", heads, [(f"{users:,}", *found.values()) for users, found in logged.items()])
    ours = [one[OURS] for one in runs.get(SIZE, [])]
    value, cost = (np.array([one[key] for one in ours]) for key in ("value", "cost"))
    known = bool(ours)
    figures = {
        "optimum": limit,
        "users": {str(users): found for users, found in runs.items()},
        "chosen on": {"first campaign": CHOSEN_ON, "users": SIZE, "runs": chosen_on},
        "support": {str(users): found for users, found in logged.items()},
    }
    return [
        bar(f"{SIZE} users: mean true value", float(value.mean()) if known else None, ">=", 5.57),
        bar(f"{SIZE} users: mean true cost, at least", float(cost.mean()) if known else None, ">=", 5.75),
        bar(f"{SIZE} users: mean true cost, at most", float(cost.mean()) if known else None, "<=", 6.05),
        bar(f"{SIZE} users: s.d. of the true cost", float(cost.std(ddof=1)) if known else None, "<=", 0.12),
    ], figures


if __name__ == "__main__":
    run()
