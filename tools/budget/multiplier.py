"""Learners of the price of money, the usual way to hold a budget; baselines that chord search is measured against.

Bisection looks for the price between two policies. Online gradient descent (Le et al. 2019, arXiv 1903.08738) raises
the price after overspending, lowers it after underspending, and keeps every policy it ever met. The PID controller
(Stooke et al. 2020, arXiv 2007.03964) answers with its last policy only. In general no price makes one policy cost
exactly the budget, so what the last two end with jumps between the neighbours of a kink.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bethink.tools.budget.chord import Mixture, Solve, between, mix
from bethink.tools.budget.lp import InfeasibleBudget, check_budget
from bethink.tools.budget.oracle import Oracle

Progress = Callable[[Solve], None]


class Gains(NamedTuple):
    """Of the proportional, integral and differential parts of a controller; the defaults are OSRL's for BCQ-Lag."""

    proportional: float = 0.1
    integral: float = 0.003
    differential: float = 0.001


OSRL_GAINS = Gains()


class Recorder:
    """Asks an oracle and remembers each answer in ``trace``, in order."""

    def __init__(self, oracle: Oracle, progress: Progress = lambda solve: None) -> None:
        self.oracle, self.progress = oracle, progress
        self.trace: list[Solve] = []

    def __call__(self, multiplier: float) -> Solve:
        """The best response at a price, evaluated."""
        policy = self.oracle.solve(multiplier)
        self.trace.append(Solve(multiplier, policy, self.oracle.evaluate(policy)))
        self.progress(self.trace[-1])
        return self.trace[-1]


def upper_bound(trace: Sequence[Solve], budget: float) -> float:
    """What no policy within ``budget`` exceeds, by weak duality: the least J_r - lambda J_c + lambda B of ``trace``."""
    bounds = [
        solve.outcome.reward + solve.multiplier * (budget - solve.outcome.cost)
        for solve in trace
        if math.isfinite(solve.multiplier)
    ]
    return min(bounds, default=math.inf)


def bisection(
    oracle: Oracle,
    budget: float,
    *,
    tolerance: float | None = None,
    max_solves: int = 40,
    progress: Progress = lambda solve: None,
) -> Mixture:
    """Bisection on the logarithm of the price; the two policies at the ends of the last bracket, mixed to the budget.

    The next price is the geometric mean of the bracket's. Estimated costs may rise with the price where true ones
    cannot; still all costs left of the bracket are above the budget and all right of it are not, so that an isotonic
    regression of them (pool adjacent violators) would cross the budget at the same place. For a loose tolerance
    it asks about as often as a chord search; it never ends exactly, as it looks at costs and not at rewards.

    Args:
        oracle: answers prices with policies.
        budget: money per user.
        tolerance: stop once no policy can be better by more than this, in units of reward; None: 0.5 % of what the
            unlimited policy gains over the cheapest one.
        max_solves: stop there whatever the gap; it is reported.
        progress: called after each solve; what it raises ends the search.

    Raises:
        InfeasibleBudget: even the cheapest policy costs more.
        ValueError: a budget that is NaN, infinite or negative, or fewer than 3 solves.
    """
    record = Recorder(oracle, progress)
    ends = _ends(record, budget, max_solves)
    if isinstance(ends, Mixture):
        return ends
    low, high = ends
    if tolerance is None:
        tolerance = 5e-3 * max(0.0, low.outcome.reward - high.outcome.reward)
    price, gap = _mean_slope(low, high) or 1.0, math.inf
    while len(record.trace) < max_solves:
        found = record(price)
        if found.outcome.cost > budget:
            low = found
        else:
            high = found
        gap = max(0.0, upper_bound(record.trace, budget) - mix(between(low, high, budget))[1].reward)
        below, above = low.multiplier, high.multiplier
        if gap <= tolerance or (below > 0 and above <= below * (1 + 1e-13)):
            break
        if math.isinf(above):
            price = 4 * below
        else:
            price = math.sqrt(below * above) if below > 0 else above / 4
    components, mixed = mix(between(low, high, budget))
    return Mixture(components, mixed, _mean_slope(low, high), gap, tuple(record.trace))


def ogd_average(
    oracle: Oracle,
    budget: float,
    *,
    rate: float | None = None,
    ceiling: float | None = None,
    max_solves: int = 40,
    progress: Progress = lambda solve: None,
) -> Mixture:
    """Online gradient descent on the price; the uniform mixture of all best responses (Le et al. 2019).

    lambda_1 = 0 and lambda_{k+1} = clip(lambda_k + rate / sqrt(k) (J_c(pi_k) - B), 0, ceiling). Value and cost come
    within O(1 / sqrt(K)) of the optimum, at the expense of K stored policies; the cost may exceed the budget. The last
    iterate, which is what a user of a Lagrangian method deploys, is ``trace[-1]``.

    Args:
        oracle: answers prices with policies.
        budget: money per user.
        rate: the first step's, in reward per squared money; None: ``ceiling`` over the greatest distance between the
            budget and a policy's cost.
        ceiling: greatest price; None: what the unlimited policy gains over the cheapest one, divided by the budget
            that the cheapest one leaves, as no optimal price is above that.
        max_solves: of them two find the ends, the others are the iterates.
        progress: called after each solve; what it raises ends the search.

    Raises:
        InfeasibleBudget: even the cheapest policy costs more.
        ValueError: a budget that is NaN, infinite or negative, fewer than 3 solves, a rate or ceiling not above zero.
    """
    record = Recorder(oracle, progress)
    ends = _ends(record, budget, max_solves)
    if isinstance(ends, Mixture):
        return ends
    low, high = ends
    left = budget - high.outcome.cost
    if ceiling is None:
        ceiling = max(0.0, low.outcome.reward - high.outcome.reward) / max(left, 1e-9 * max(budget, low.outcome.cost))
    if rate is None:
        rate = ceiling / max(low.outcome.cost - budget, left)
    if not (0 <= rate < math.inf and 0 <= ceiling < math.inf):
        raise ValueError(f"The rate {rate} and the ceiling {ceiling} must be zero or more, and finite.")
    iterates, price = [low], 0.0
    while len(record.trace) < max_solves:
        step = rate / math.sqrt(len(iterates)) * (iterates[-1].outcome.cost - budget)
        price = min(max(price + step, 0.0), ceiling)
        iterates.append(record(price))
    components, mixed = mix([(solve, 1 / len(iterates)) for solve in iterates])
    average = math.fsum(solve.multiplier for solve in iterates) / len(iterates)
    return Mixture(components, mixed, average, None, tuple(record.trace))


def pid(
    oracle: Oracle,
    budget: float,
    *,
    gains: Gains = OSRL_GAINS,
    max_solves: int = 40,
    progress: Progress = lambda solve: None,
) -> Mixture:
    """A PID controller of the price (Stooke et al. 2020), with OSRL's update and gains; its last policy, alone.

    With e the overspending J_c(pi) - B, i <- max(0, i + e) and e' the e before: lambda = max(0, kp max(0, e) + ki i +
    kd max(0, e - e')). The gains multiply money, so they are right in one currency at most. The last policy's cost is
    above or below the budget; the mixture has this one component.

    Args:
        oracle: answers prices with policies.
        budget: money per user.
        gains: of the three parts.
        max_solves: of them two find the ends, the others are the iterates.
        progress: called after each solve; what it raises ends the search.

    Raises:
        InfeasibleBudget: even the cheapest policy costs more.
        ValueError: a budget that is NaN, infinite or negative, or fewer than 3 solves.
    """
    record = Recorder(oracle, progress)
    ends = _ends(record, budget, max_solves)
    if isinstance(ends, Mixture):
        return ends
    last = ends[0]
    total = before = 0.0
    while len(record.trace) < max_solves:
        error = last.outcome.cost - budget
        total = max(0.0, total + error)
        rise = max(0.0, error - before)
        price = gains.proportional * max(0.0, error) + gains.integral * total + gains.differential * rise
        last, before = record(max(0.0, price)), error
    return Mixture(((last.policy, 1.0),), last.outcome, last.multiplier, None, tuple(record.trace))


def _ends(record: Recorder, budget: float, max_solves: int) -> tuple[Solve, Solve] | Mixture:
    """The unlimited and the cheapest policy, or the unlimited one alone where the budget does not bind."""
    check_budget(budget)
    if max_solves < 3:
        raise ValueError(f"max_solves is {max_solves}; at least 3 are needed.")
    low = record(0.0)
    if low.outcome.cost <= budget:
        return Mixture(((low.policy, 1.0),), low.outcome, 0.0, 0.0, tuple(record.trace))
    high = record(math.inf)
    if high.outcome.cost > budget + 1e-12 * (1 + abs(budget)):
        raise InfeasibleBudget(budget, high.outcome.cost)
    return low, high


def _mean_slope(low: Solve, high: Solve) -> float:
    """Reward per unit of money between two policies, zero or more."""
    spread = low.outcome.cost - high.outcome.cost
    return max(0.0, (low.outcome.reward - high.outcome.reward) / spread) if spread > 0 else 0.0
