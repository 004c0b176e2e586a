"""Minimum-norm point: mixtures under several budgets by distance; a search that needs at most q + 2 policies at a time.

After Cai et al. 2021 (arXiv 2108.12916), which generalises Wolfe's method (1976): of all mixtures of the policies at
hand take the one nearest to the target {J_r >= v, J_c <= B}, drop the policies without weight, ask the oracle for the
best response in the direction of what is missing, repeat. Here v, the value asked for, comes down from above: every
answer bounds what any policy within the budgets can bring, and the least of these bounds is the next v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bethink.tools.budget.chord import Solve
from bethink.tools.budget.cmdp import Floats
from bethink.tools.budget.vector_oracle import (
    InfeasibleBudgets,
    VectorMixture,
    VectorOracle,
    VectorSolve,
    check_budgets,
    mixture,
    record,
    upper_bound,
)


def nearest(points: Floats) -> tuple[Floats, Floats]:
    """The mixture of ``points`` [n, d] with the least distance to the non-positive orthant.

    Wolfe's problem with the unit vectors as rays, min |P w + u| over weights w that sum to one and u >= 0, is one of
    non-negative least squares: min |P w + u|^2 + (1 - sum w)^2 has the same solution up to a factor. The active-set
    method of Lawson and Hanson is then Wolfe's: its passive set is the corral, whose points are affinely independent.

    Returns:
        Weights [n], and what is missing [d]: the nearest mixture where it is positive.
    """
    from scipy.optimize import nnls

    count, size = points.shape
    system = np.zeros((size + 1, count + size))
    system[:size, :count], system[:size, count:] = points.T, np.eye(size)
    system[size, :count] = 1.0
    solution, _ = nnls(system, np.append(np.zeros(size), 1.0), maxiter=100 * (count + size))
    weights = solution[:count] / solution[:count].sum()
    return weights, np.maximum(0.0, weights @ points)


def minimum_norm_point(
    oracle: VectorOracle,
    budgets: Sequence[float],
    *,
    tolerance: float = 1e-6,
    max_solves: int = 200,
    progress: Callable[[Solve], None] = lambda solve: None,
) -> VectorMixture:
    """A mixture of at most q + 1 policies near the optimum under q budgets.

    The search mixes at most q + 2 at a time; ``trace`` keeps all of them, for the curve and the reader.

    Each cost may exceed its budget by ``tolerance`` times the budget's scale, the greater of it and what the unlimited
    policy costs; rewards are measured in parts of the unlimited policy's.

    Args:
        oracle: answers prices with policies.
        budgets: per user [q], in the order of the oracle's costs; below zero for a floor.
        tolerance: relative distance to the target at which to stop.
        max_solves: stop there whatever the distance; the gap and the costs say how far it is.
        progress: called after each solve; what it raises ends the search.

    Raises:
        InfeasibleBudgets: no mixture comes near the budgets.
        ValueError: budgets that are NaN or infinite, or another number of them than the oracle's costs.
    """
    limits = check_budgets(budgets)
    trace: list[VectorSolve] = []

    def solve(prices: Floats, reward_weight: float) -> VectorSolve:
        progress(record(oracle, trace, prices, reward_weight))
        return trace[-1]

    first = solve(np.zeros(len(limits)), 1.0)
    if (np.array(first.costs) <= limits).all():
        return mixture(trace, np.ones(1), np.zeros(len(limits)), 0.0, [0])
    scale = np.append(abs(first.outcome.reward), np.maximum(np.abs(limits), np.abs(first.costs)))
    scale[scale == 0] = 1.0

    def points(numbers: Sequence[int], value: float) -> Floats:
        rows = [[value - trace[number].outcome.reward, *(trace[number].costs - limits)] for number in numbers]
        return np.array(rows) / scale

    corral, value, prices = [0], first.outcome.reward, np.zeros(len(limits))
    while True:
        weights, missing = nearest(points(corral, value))
        corral = [number for number, weight in zip(corral, weights, strict=True) if weight > 0]
        weights = weights[weights > 0]
        distance = np.linalg.norm(missing)
        if distance <= tolerance or len(trace) >= max_solves:
            break
        direction = missing / distance * scale[0] / scale
        found = solve(direction[1:], float(direction[0]))
        corral.append(len(trace) - 1)
        value = min(value, upper_bound(trace, limits))
        if direction[0] > 0:
            prices = np.array(found.multipliers)
        elif missing @ points(corral[-1:], value)[0] >= distance**2 * (1 - 1e-9):
            raise InfeasibleBudgets(limits.tolist(), (limits + missing[1:] * scale[1:]).tolist())
    reward = float(weights @ [trace[number].outcome.reward for number in corral])
    return mixture(trace, weights, prices, max(0.0, value - reward), corral)
