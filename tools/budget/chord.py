"""Chord search: the optimum under one budget as a mixture of two deterministic policies, with a certificate.

After Cai et al. 2023 (arXiv 2309.02669) and Cai et al. 2021 (arXiv 2108.12916): for one budget two policies suffice
and one does not. Every price lambda of money has a best response, a vertex (J_c, J_r) of the concave frontier. The
chord through the dearest affordable vertex and the cheapest unaffordable one has a slope; that slope is the next price.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bethink.tools.budget.cmdp import Outcome, Policy
from bethink.tools.budget.lp import InfeasibleBudget, check_budget
from bethink.tools.budget.oracle import Oracle


@dataclass(frozen=True)
class Solve:
    """One best response: the price it answers, the policy, and what that is expected to bring and cost."""

    multiplier: float
    policy: Policy
    outcome: Outcome


@dataclass(frozen=True)
class Mixture:
    """Policies with weights that sum to one: each user draws one of them once and keeps it to the end.

    ``outcome`` is then the weighted sum of theirs (exactly; a coin in every step does not have this property).
    ``multiplier`` is the price of money at the budget, the marginal return of one more unit. ``gap`` bounds how much
    better any policy can be, in the oracle's own eyes; None where a method has no certificate. ``trace`` is every
    solve, in order.
    """

    components: tuple[tuple[Policy, float], ...]
    outcome: Outcome
    multiplier: float
    gap: float | None
    trace: tuple[Solve, ...]


def mix(parts: Sequence[tuple[Solve, float]]) -> tuple[tuple[tuple[Policy, float], ...], Outcome]:
    """The components with a weight above zero, and the outcome of their mixture."""
    kept = [(solve, weight) for solve, weight in parts if weight > 0]
    reward = math.fsum(weight * solve.outcome.reward for solve, weight in kept)
    cost = math.fsum(weight * solve.outcome.cost for solve, weight in kept)
    return tuple((solve.policy, weight) for solve, weight in kept), Outcome(reward, cost)


def between(low: Solve, high: Solve, budget: float) -> list[tuple[Solve, float]]:
    """Weights that make a cheap (``high`` price) and a dear (``low`` price) policy cost exactly ``budget``."""
    spread = low.outcome.cost - high.outcome.cost
    weight = min(1.0, max(0.0, (budget - high.outcome.cost) / spread))
    return [(low, weight), (high, 1.0 - weight)]


def chord_search(
    oracle: Oracle,
    budget: float,
    *,
    tolerance: float | None = None,
    max_solves: int = 40,
    progress: Callable[[Solve], None] = lambda solve: None,
) -> Mixture:
    """The best mixture within ``budget`` per user; exact in a tabular process, in finitely many solves.

    Args:
        oracle: answers prices with policies.
        budget: money per user.
        tolerance: stop once no policy can be better by more than this, in units of reward; None: 0.5 % of what the
            unlimited policy gains over the cheapest one.
        max_solves: stop there whatever the gap; it is reported.
        progress: called after each solve; what it raises ends the search.

    Raises:
        InfeasibleBudget: even the cheapest policy costs more.
        ValueError: a budget that is NaN, infinite or negative, or fewer than 2 solves.

    With estimated outcomes a chord may lead nowhere (a vertex outside of the bracket, a slope below zero): then the
    next price is the geometric mean of the bracket's prices, and outcomes are taken as they are.
    """
    check_budget(budget)
    if max_solves < 2:
        raise ValueError(f"max_solves is {max_solves}; at least 2 are needed.")
    trace: list[Solve] = []

    def solve(multiplier: float) -> Solve:
        policy = oracle.solve(multiplier)
        trace.append(Solve(multiplier, policy, oracle.evaluate(policy)))
        progress(trace[-1])
        return trace[-1]

    low = solve(0.0)
    if low.outcome.cost <= budget:
        return Mixture(((low.policy, 1.0),), low.outcome, 0.0, 0.0, tuple(trace))
    high = solve(math.inf)
    if high.outcome.cost > budget + 1e-12 * (1 + abs(budget)):
        raise InfeasibleBudget(budget, high.outcome.cost)
    if tolerance is None:
        tolerance = 5e-3 * max(0.0, low.outcome.reward - high.outcome.reward)
    gap, price = math.inf, _slope(low, high)
    while len(trace) < max_solves:
        price = _slope(low, high)
        lost = price <= 0.0  # estimates only: dearer and worse
        if lost:
            price = _middle(low, high)
        found = solve(price)
        upper = found.outcome.reward - price * found.outcome.cost + price * budget
        gap = max(0.0, upper - mix(between(low, high, budget))[1].reward)
        inside = high.outcome.cost < found.outcome.cost < low.outcome.cost
        if not inside:
            if gap <= tolerance or not lost or len(trace) == max_solves:
                break
            found = solve(_middle(low, high))
            if not high.outcome.cost < found.outcome.cost < low.outcome.cost:
                break
        if found.outcome.cost <= budget:
            high = found
        else:
            low = found
        gap = max(0.0, upper - mix(between(low, high, budget))[1].reward)
        if gap <= tolerance:
            break
    components, mixed = mix(between(low, high, budget))
    return Mixture(components, mixed, max(0.0, price), gap, tuple(trace))


def _slope(low: Solve, high: Solve) -> float:
    """Reward per unit of money along the chord."""
    spread = low.outcome.cost - high.outcome.cost
    return (low.outcome.reward - high.outcome.reward) / spread if spread > 0 else 0.0


def _middle(low: Solve, high: Solve) -> float:
    """A price between the bracket's prices, also where one of them is zero or infinite."""
    below, above = low.multiplier, high.multiplier
    if math.isinf(above):
        return 2 * below if below > 0 else 1.0
    return math.sqrt(below * above) if below > 0 else above / 2
