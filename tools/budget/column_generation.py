"""Column generation: the optimum under several budgets, exact in finitely many solves; chord search in q dimensions.

A small linear program (the master) mixes the policies found so far; its dual prices are the next question to the
oracle, whose answer is a new column, or the proof that none is missing (Dantzig and Wolfe 1960). With one budget the
master's optimum is the chord around it, and every price is the chord's slope.

It was chosen over the minimum-norm point (:mod:`bethink.tools.budget.minimum_norm_point`) because it ends at an exact
vertex within the budgets, with a certificate, while that one approaches the optimum from outside of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from bethink.tools.budget.chord import Solve
from bethink.tools.budget.cmdp import Floats
from bethink.tools.budget.vector_oracle import (
    InfeasibleBudgets,
    LeastFirst,
    VectorMixture,
    VectorOracle,
    VectorSolve,
    check_budgets,
    mixture,
    record,
    upper_bound,
)

ROUNDING = 1e-10
"""Relative violation of a budget, and relative reduced cost, that count as none."""


class _Master(NamedTuple):
    """Weights of the columns [n], prices of the budgets [q], and the least raise of all budgets (in their scales)."""

    weights: Floats
    prices: Floats
    short: float


def column_generation(
    oracle: VectorOracle,
    budgets: Sequence[float],
    *,
    tolerance: float | None = None,
    max_solves: int = 200,
    progress: Callable[[Solve], None] = lambda solve: None,
) -> VectorMixture:
    """The best mixture within all q budgets, of at most q + 1 policies.

    First the budgets' least common raise is brought to zero, looking at costs only; then the reward is raised. Each
    step costs one best response and a linear program with q + 1 rows.

    Args:
        oracle: answers prices with policies.
        budgets: per user [q], in the order of the oracle's costs; below zero for a floor.
        tolerance: stop once no policy can be better by more than this, in units of reward; None: 0.5 % of what the
            unlimited policy gains over the worst one met.
        max_solves: stop there whatever the gap; it is reported.
        progress: called after each solve; what it raises ends the search.

    Raises:
        InfeasibleBudgets: no mixture keeps all budgets.
        ValueError: budgets that are NaN or infinite, or another number of them than the oracle's costs.
        RuntimeError: ``max_solves`` were not enough to find a mixture within the budgets.
    """
    limits = check_budgets(budgets)
    trace: list[VectorSolve] = []

    def solve(prices: Floats, reward_weight: float) -> VectorSolve:
        progress(record(oracle, trace, prices, reward_weight))
        return trace[-1]

    first = solve(np.zeros(len(limits)), 1.0)
    if (np.array(first.costs) <= limits).all():
        return mixture(trace, np.ones(1), np.zeros(len(limits)), 0.0, [0])
    scale = np.maximum(np.abs(limits), np.abs(first.costs))
    scale[scale == 0] = 1.0
    try:
        slack = _reach(trace, limits, scale, max_solves, solve)
    except InfeasibleBudgets as error:
        raise _cheapest_way_out(oracle, error, max_solves) from None
    limits = limits + slack * scale
    complete = False
    while True:
        master = _master(trace, limits, scale, with_reward=True)
        rewards = np.array([each.outcome.reward for each in trace])
        gap = max(0.0, upper_bound(trace, limits) - float(master.weights @ rewards))
        wanted = 5e-3 * np.ptp(rewards) if tolerance is None else tolerance
        if complete or gap <= wanted or len(trace) >= max_solves:
            return mixture(trace, master.weights, master.prices, gap, range(len(trace)))
        known = _priced(trace, master.prices).max()
        found = _priced([solve(master.prices, 1.0)], master.prices)[0]
        complete = found <= known + ROUNDING * (1 + abs(known))


def _reach(
    trace: list[VectorSolve],
    limits: Floats,
    scale: Floats,
    max_solves: int,
    solve: Callable[[Floats, float], VectorSolve],
) -> float:
    """Add columns until some mixture keeps the budgets; the raise that rounding needs."""
    while True:
        master = _master(trace, limits, scale, with_reward=False)
        if master.short <= ROUNDING:
            return max(0.0, master.short)
        if len(trace) >= max_solves:
            raise RuntimeError(f"No mixture within the budgets after {max_solves} solves; raise max_solves.")
        known = min(np.dot(master.prices, each.costs) for each in trace)
        found = float(np.dot(master.prices, solve(master.prices, 0.0).costs))
        if found >= known - ROUNDING * (1 + abs(known)):
            raised = np.maximum(limits, master.weights @ [each.costs for each in trace[: len(master.weights)]])
            raise InfeasibleBudgets(limits.tolist(), raised.tolist())


def _cheapest_way_out(oracle: VectorOracle, error: InfeasibleBudgets, max_solves: int) -> InfeasibleBudgets:
    """The same error with the least first budget that is possible beside the others, if there is one."""
    others = error.budgets[1:]
    if not others:
        return error
    try:
        saved = column_generation(LeastFirst(oracle), others, tolerance=0.0, max_solves=max_solves)
    except (InfeasibleBudgets, RuntimeError):
        return error
    least = -saved.outcome.reward + (saved.gap or 0.0)
    return InfeasibleBudgets(error.budgets, (max(least, error.budgets[0]), *others))


def _priced(trace: Sequence[VectorSolve], prices: Floats) -> Floats:
    """J_r - prices . J_c of each solve."""
    return np.array([each.outcome.reward for each in trace]) - np.array([each.costs for each in trace]) @ prices


def _master(trace: Sequence[VectorSolve], limits: Floats, scale: Floats, with_reward: bool) -> _Master:
    """max reward within the limits, or min the raise s in costs <= limits + s scale; over mixtures of ``trace``."""
    from scipy.optimize import linprog

    count, budgets = len(trace), len(limits)
    costs = (np.array([each.costs for each in trace]).T - limits[:, None]) / scale[:, None]
    if with_reward:
        goal = -np.array([each.outcome.reward for each in trace])
    else:
        goal = np.append(np.zeros(count), 1.0)
        costs = np.hstack([costs, -np.ones((budgets, 1))])
    found = linprog(
        goal,
        A_ub=costs,
        b_ub=np.zeros(budgets),
        A_eq=(np.arange(len(goal)) < count).astype(float)[None],
        b_eq=[1.0],
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not found.success:
        raise RuntimeError(f"HiGHS did not solve the master program: {found.message}")
    weights = np.where(found.x[:count] > 1e-13, found.x[:count], 0.0)
    prices = np.maximum(0.0, -found.ineqlin.marginals) / scale
    return _Master(weights / weights.sum(), prices, 0.0 if with_reward else float(found.fun))
