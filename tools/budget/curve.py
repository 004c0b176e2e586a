"""The budget-response curve: what each budget brings, what one more unit of money would, and the inverse question.

V(B), the most that a mixture within B per user can bring, is concave and piecewise linear; its corners are policies
that answer some price. Every best response ever computed is a point of it or lies below it, so a search for one budget
has found a part of the curve; questions about other budgets are answered from that part, with more solves where needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bethink.tools.budget.chord import Solve
from bethink.tools.budget.lp import InfeasibleBudget, check_budget
from bethink.tools.budget.multiplier import Recorder, upper_bound
from bethink.tools.budget.oracle import Oracle


class BudgetPoint(NamedTuple):
    """One budget per user: what the best mixture brings and costs, and dV/dB to the right of it.

    ``gap`` bounds what a better policy could bring more, in the oracle's own eyes. ``low`` and ``high`` are the ends of
    the interval of ``value``, where replicates were given.
    """

    budget: float
    value: float
    cost: float
    marginal: float
    gap: float
    low: float | None = None
    high: float | None = None


class UnreachableTarget(ValueError):
    """No budget brings that much; ``most`` is what ``saturation`` per user, or more, brings."""

    def __init__(self, target: float, most: float, saturation: float) -> None:
        super().__init__(
            f"No budget brings {target:.6g} per user: the most is {most:.6g}, from {saturation:.6g} per user on."
        )
        self.target, self.most, self.saturation = target, most, saturation


def upper_hull(solves: Iterable[Solve]) -> list[Solve]:
    """The corners of the least concave curve above all (cost, reward), from the cheapest to the greatest reward.

    Costs and rewards rise strictly along it, slopes fall strictly; O(n log n).
    """
    hull: list[Solve] = []
    for solve in sorted(solves, key=lambda each: (each.outcome.cost, -each.outcome.reward)):
        if hull and solve.outcome.reward <= hull[-1].outcome.reward:
            continue
        while len(hull) > 1 and slope(hull[-2], hull[-1]) <= slope(hull[-1], solve):
            hull.pop()
        hull.append(solve)
    return hull


def slope(cheap: Solve, dear: Solve) -> float:
    """Reward per unit of money from one corner to a dearer one; infinite where rounding leaves no distance."""
    spread = dear.outcome.cost - cheap.outcome.cost
    gain = dear.outcome.reward - cheap.outcome.reward
    return gain / spread if spread > 0 else math.inf


class BudgetCurve:
    """V(B) for all B, computed where it is asked for.

    Args:
        oracle: answers prices with policies.
        trace: what another search has asked this oracle already, such as ``Mixture.trace``; nothing is asked twice.
        tolerance: how much better a policy may be than what is answered, in units of reward; None: 0.5 % of what the
            unlimited policy gains over the cheapest one.
        max_solves: of one question; then the answer is what is known, with its gap.
        progress: called after each solve; what it raises ends the search.
    """

    def __init__(
        self,
        oracle: Oracle,
        trace: Sequence[Solve] = (),
        *,
        tolerance: float | None = None,
        max_solves: int = 40,
        progress: Callable[[Solve], None] = lambda solve: None,
    ) -> None:
        self._record = Recorder(oracle, progress)
        self._record.trace.extend(trace)
        self.max_solves = max_solves
        for end in (0.0, math.inf):
            if all(solve.multiplier != end for solve in trace):
                self._record(end)
        self._corners = upper_hull(self.trace)
        gain = self.corners[-1].outcome.reward - self.corners[0].outcome.reward
        self.tolerance = 5e-3 * gain if tolerance is None else tolerance

    @property
    def trace(self) -> Sequence[Solve]:
        """Every solve, those given included."""
        return self._record.trace

    @property
    def corners(self) -> Sequence[Solve]:
        """The corners found so far, from the cheapest policy to where more money does not help."""
        return self._corners

    @property
    def least(self) -> float:
        """What the cheapest policy costs: the least budget per user."""
        return self.corners[0].outcome.cost

    @property
    def saturation(self) -> float:
        """The budget per user from which on more money brings nothing."""
        return self.corners[-1].outcome.cost

    def point(self, budget: float) -> BudgetPoint:
        """The curve at one budget per user; what is above ``saturation`` is not spent.

        Raises:
            InfeasibleBudget: even the cheapest policy costs more.
            ValueError: a budget that is NaN, infinite or negative.
        """
        check_budget(budget)
        if budget < self.least - 1e-12 * (1 + abs(self.least)):
            raise InfeasibleBudget(budget, self.least)
        self._refine(lambda: budget)
        return self._known(budget)

    def points(
        self, budgets: Sequence[float], replicates: ArrayLike | None = None, level: float = 0.95
    ) -> list[BudgetPoint]:
        """The curve at several budgets per user, in the order given.

        Args:
            budgets: [n].
            replicates: values at these budgets [R, n] in R bootstrap replicates of the data; the interval is between
                their quantiles, as measured, whether or not ``value`` is inside.
            level: of the interval.

        Raises:
            InfeasibleBudget: a budget below ``least``.
            ValueError: a budget that is NaN, infinite or negative, replicates of another shape or not finite.
        """
        found = [self.point(budget) for budget in budgets]
        if replicates is None:
            return found
        values = np.asarray(replicates, float)
        if values.ndim != 2 or values.shape[1] != len(found) or len(values) < 2 or not np.isfinite(values).all():
            raise ValueError(f"replicates has shape {values.shape}; finite [R >= 2, {len(found)}] is needed.")
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return [point._replace(low=float(a), high=float(b)) for point, a, b in zip(found, low, high, strict=True)]

    def min_budget_for(self, target: float) -> BudgetPoint:
        """The least budget per user whose best mixture brings ``target`` per user.

        A target that the cheapest policy reaches needs no more than ``least``; the point's ``value`` is then above it.

        Raises:
            UnreachableTarget: no budget brings as much.
            ValueError: a target that is NaN or infinite.
        """
        if not math.isfinite(target):
            raise ValueError(f"The target per user is {target}; give a number.")
        most = self.corners[-1].outcome.reward
        if target > most + 1e-12 * (1 + abs(most)):
            raise UnreachableTarget(target, most, self.saturation)
        if target <= self.corners[0].outcome.reward:
            return self.point(self.least)

        def budget() -> float:
            reached = next(i for i, each in enumerate(self.corners) if each.outcome.reward >= min(target, most))
            cheap, dear = self.corners[reached - 1], self.corners[reached]
            needed = cheap.outcome.cost + (target - cheap.outcome.reward) / slope(cheap, dear)
            return min(needed, dear.outcome.cost)

        self._refine(budget)
        return self._known(budget())

    def _segment(self, budget: float) -> tuple[Solve, Solve]:
        """The corners around a budget; twice the last one where it is not below that."""
        above = next((i for i, each in enumerate(self.corners) if each.outcome.cost > budget), len(self.corners))
        return self.corners[max(above - 1, 0)], self.corners[min(above, len(self.corners) - 1)]

    def _known(self, budget: float) -> BudgetPoint:
        """The curve at a budget by the corners found so far."""
        cheap, dear = self._segment(budget)
        price = 0.0 if dear is cheap else slope(cheap, dear)
        cost = max(min(budget, dear.outcome.cost), cheap.outcome.cost)
        value = cheap.outcome.reward + price * (cost - cheap.outcome.cost)
        return BudgetPoint(budget, value, cost, price, max(0.0, upper_bound(self.trace, budget) - value))

    def _refine(self, budget: Callable[[], float]) -> None:
        """Ask for the slope of the chord in question until no policy is above it."""
        for _ in range(self.max_solves):
            point, segment = self._known(budget()), self._segment(budget())
            if point.gap <= self.tolerance or point.marginal == 0.0:
                return
            self._record(point.marginal)
            self._corners = upper_hull(self.trace)
            if self._segment(budget()) == segment:
                return
