"""Where the optimum can be computed: the two-policy mixture against the linear program, and the rules beside both.

``python -m tests.benchmarks.budget.exact``. ``CouponRetention-v0`` at the seven budgets of its table of known limits,
and 200 random processes (3 to 40 states, 2 to 5 actions, 2 to 12 steps, a budget of 5 to 90 % of what the plan without
a budget costs). What a mixture brings is evaluated anew from its tables of actions. The certificate is looked at where
it is not zero, too: after searches that were stopped early. One unit of 1e-9 is left for rounding in either solver.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bethink.tools.budget.chord import chord_search
from bethink.tools.budget.cmdp import TabularCMDP, best_response, outcome
from bethink.tools.budget.environment import tabular
from bethink.tools.budget.lp import LPSolution, solve_lp
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.rules import RULES, always, plan_outcome
from tests.benchmarks.report import Bar, bar, show

PROCESSES = 200
STOPS = (3, 5, 7)
"""Solves after which the search is stopped early to see whether its certificate holds."""
LIMITS = {
    1: (4.91767, 0.22372, 4.59718, 4.76931),
    2: (5.13825, 0.21064, 4.65887, 4.68837),
    4: (5.40965, 0.10008, 4.77645, 4.87481),
    6: (5.60956, 0.09759, 4.88527, 5.08737),
    8: (5.79569, 0.07800, 4.98390, 5.18845),
    12: (6.00297, 0.04164, 5.14392, 5.34770),
    18: (6.24352, 0.03631, 5.26406, 5.57403),
}
"""Budget: the known optimum, its lambda, uniform and myopic, to five decimals."""


def random_process(seed: int) -> tuple[TabularCMDP, float]:
    """A process and a budget."""
    rng = np.random.default_rng(seed)
    states, actions, horizon = int(rng.integers(3, 41)), int(rng.integers(2, 6)), int(rng.integers(2, 13))
    cost = rng.random((states, actions)) * np.arange(actions)
    transition = rng.dirichlet(np.full(states, 0.3), size=(states, actions))
    start = rng.dirichlet(np.ones(states))
    cmdp = TabularCMDP(rng.random((states, actions)), cost, transition, start, horizon)
    return cmdp, float(rng.uniform(0.05, 0.9)) * outcome(cmdp, best_response(cmdp, 0.0)).cost


def compare(cmdp: TabularCMDP, budget: float) -> tuple[dict[str, Any], LPSolution]:
    """The mixture against the optimum: what is left, how many solves and policies, and whether certificates held."""
    limit = solve_lp(cmdp, budget)
    oracle = TabularOracle(cmdp)
    started = time.perf_counter()
    found = chord_search(oracle, budget, tolerance=1e-10)
    seconds = time.perf_counter() - started
    brought = plan_outcome(cmdp, found)
    slack = []
    for mixture in (found, *(chord_search(oracle, budget, tolerance=0.0, max_solves=stop) for stop in STOPS)):
        if mixture.gap is None:
            raise RuntimeError("chord_search gave no certificate.")
        slack.append(mixture.gap - (limit.value - plan_outcome(cmdp, mixture).reward))
    figures = {
        "optimum": limit.value,
        "mixture": brought.reward,
        "error": abs(brought.reward - limit.value),
        "overspent": brought.cost - budget,
        "solves": len(found.trace),
        "policies": len(found.components),
        "seconds": seconds,
        "certificate_slack": min(slack),
    }
    return figures, limit


def table() -> tuple[dict[str, dict[str, Any]], int]:
    """The known limits, printed beside the rules; figures by budget, and how many entries differ from the known."""
    cmdp = tabular()
    nothing = outcome(cmdp, always(cmdp, 0)).reward
    rows, shares, figures, wrong = [], [], {}, 0
    for budget, known in LIMITS.items():
        found, limit = compare(cmdp, budget)
        rules = {name: plan_outcome(cmdp, rule(cmdp, budget)).reward for name, rule in RULES.items()}
        seen = (limit.value, limit.shadow_price, rules["uniform"], rules["myopic"])
        wrong += sum(f"{a:.5f}" != f"{b:.5f}" for a, b in zip(seen, known, strict=True))
        values = {"mixture": found["mixture"], **rules}
        head = (f"{budget}", f"{limit.value:.5f}", f"{limit.shadow_price:.5f}", f"{found['error']:.0e}")
        rows.append((*head, f"{found['solves']}", *(f"{value:.5f}" for value in values.values())))
        gains = {name: 100 * (value - nothing) / (limit.value - nothing) for name, value in values.items()}
        shares.append((f"{budget}", *(f"{gain:.1f}" for gain in gains.values())))
        figures[f"{budget}"] = {**found, "shadow_price": limit.shadow_price, "rules": rules, "percent": gains}
    names = ["mixture", *(name.replace("_", " ") for name in RULES)]
    columns = ("B", "LP optimum", "lambda*", "|mixture - LP|", "solves", *names)
    show(f"CouponRetention-v0: active weeks per user, {nothing:.5f} without coupons", columns, rows)
    show("Percent of the optimum's gain over no coupon", ("B", *names), shares)
    return figures, wrong


def run(processes: int = PROCESSES) -> tuple[list[Bar], dict[str, Any]]:
    """Print the tables; bars and figures."""
    known, wrong = table()
    random = [compare(*random_process(seed))[0] for seed in range(processes)]
    seven = list(known.values())
    rows = []
    for name, found in (("CouponRetention-v0", seven), ("random", random)):
        worst = [f"{max(f[key] for f in found):.1e}" for key in ("error", "overspent", "seconds")]
        solves = [f["solves"] for f in found]
        rows.append((name, len(found), *worst, f"{np.mean(solves):.1f}", max(solves)))
    columns = ("process", "problems", "|mixture - LP|", "overspent", "seconds", "solves (mean)", "solves")
    show("Two-policy mixture against the linear program (largest)", columns, rows)
    both = seven + random
    bars = [
        bar("7 budgets: |mixture - LP|, in 1e-9", 1e9 * max(f["error"] for f in seven), "<=", 1),
        bar(f"{processes} random processes: |mixture - LP|, in 1e-8", 1e8 * max(f["error"] for f in random), "<=", 1),
        bar("most solves", max(f["solves"] for f in both), "<=", 20),
        bar("most policies in a mixture", max(f["policies"] for f in both), "<=", 2),
        bar("money above the budget, in 1e-9", 1e9 * max(f["overspent"] for f in both), "<=", 1),
        bar("certificate less the true gap, in 1e-9", 1e9 * min(f["certificate_slack"] for f in both), ">=", -1),
        bar("entries of the table of limits that differ in 5 decimals", wrong, "<=", 0),
    ]
    return bars, {"budgets": known, "random": random}


if __name__ == "__main__":
    for each in run()[0]:
        print(each)
