"""One-shot allocation under one budget, exactly: the multiple-choice knapsack problem by its dual.

Each user (or each of a segment's users) gets one of K options with known gains and costs; the total cost must not
exceed the budget. With a price lambda on money the problem falls apart into users, and the price at which the budget is
just spent is one of the slopes of their hulls (:mod:`bethink.tools.budget.breakpoints`). At that price the linear
program's optimum draws lots for one user only. After Zhao et al. 2019 (arXiv 1902.01128); the T = 1 case of
:mod:`bethink.tools.budget.chord`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bethink.tools.budget.breakpoints import (
    BINS,
    InfeasibleTotal,
    PriceRule,
    Steps,
    check_table,
    check_total,
    hull_steps,
)
from bethink.tools.budget.cmdp import Floats, Ints

FEW = 10_000
"""Steps that are sorted rather than put into bins."""
SLACK = 1e-9
"""Relative rounding that is forgiven where shares must sum to one, or a budget equals the least that one needs."""


class Frontier(NamedTuple):
    """The best total gain against the total cost, a concave broken line: its corners, from the cheapest allocation on.

    ``np.interp(budget, costs, gains)`` is the optimal value; beyond ``costs[-1]`` more money brings nothing more.
    """

    costs: Floats
    gains: Floats


@dataclass(frozen=True, eq=False)
class Allocation:
    """Who gets what, and what it is expected to bring and to cost in all.

    Args:
        shares: of each row's users by option [n, K]; where a row is one user, 0 or 1 but for the few that draw lots.
        gain: total gain.
        cost: total cost; the budget to rounding, where money is scarce.
        multiplier: lambda*, the gain that one more unit of money would bring; 0 where it would bring nothing.
        unspent: what is left of the budget because nothing is worth it.
        rule: the same for users one by one, without their shares; None under floors, caps or budgets of groups.
    """

    shares: Floats
    gain: float
    cost: float
    multiplier: float
    unspent: float
    rule: PriceRule | None

    def choose(self, draws: Floats) -> Ints:
        """One option for each row, drawn by its shares, int64 [n]; for rows that are single users.

        Args:
            draws: in [0, 1) [n], as :func:`bethink.tools.budget.assignment.draw` gives.
        """
        borders = np.cumsum(self.shares, 1)
        last = self.shares.shape[1] - 1 - np.argmax(self.shares[:, ::-1] > 0, 1)
        return np.minimum((draws[:, None] >= borders).sum(1), last)


@dataclass(frozen=True, eq=False)
class KnapsackDual:
    """max sum_i u_i sum_k x_ik g_ik  subject to  sum_i u_i sum_k x_ik c_ik <= budget, sum_k x_ik = 1, x >= 0.

    Args:
        gains: g [n, K], of one user of row i with option k.
        costs: c [n, K], expected money of one user; zero or more.
        budget: total money.
        users: u [n], users in each row where a row is a segment; None: one each.
        floors: least shares x [n, K] or [K]; any n, as they only take users out of the choice.
        caps: greatest shares x [n, K] or [K]. Solved as a linear program by HiGHS: for segments rather than users
            (some seconds at 100,000 shares).
        groups: number 0..G-1 of the group each row belongs to [n], with ``group_budgets``.
        group_budgets: money that a group may cost at most [G]; infinite where there is no limit.

    Raises:
        ValueError: shapes that do not fit, values that are not finite, shares that cannot sum to one.

    Example:
        >>> visits, money = np.array([[0.0, 0.1], [0.0, 0.3]]), np.array([[0.0, 1.0], [0.0, 2.0]])
        >>> KnapsackDual(visits, money, budget=2.5).solve().shares.tolist()
        [[0.5, 0.5], [0.0, 1.0]]
    """

    gains: Floats
    costs: Floats
    budget: float
    users: Floats | None = None
    floors: Floats | None = None
    caps: Floats | None = None
    groups: Ints | None = None
    group_budgets: Floats | None = None

    def __post_init__(self) -> None:
        check_table(self.gains, self.costs)
        check_total(self.budget)
        rows = len(self.gains)
        if not rows:
            raise ValueError("There are no users to allocate the budget to.")
        if self.users is not None and (
            self.users.shape != (rows,) or not ((self.users >= 0) & (self.users < 1e12)).all()
        ):
            raise ValueError(f"users must hold a number of zero or more for each of the {rows} rows.")
        floors, caps = self._bounds()
        if not (floors >= 0).all() or not (floors.sum(-1) <= 1 + SLACK).all():
            raise ValueError("floors must be shares of zero or more that sum to at most one in every row.")
        if not (caps >= floors).all() or not (caps.sum(-1) >= 1 - SLACK).all():
            raise ValueError("caps must be at or above the floors, and sum to at least one in every row.")
        if (self.groups is None) != (self.group_budgets is None):
            raise ValueError("groups and group_budgets are needed together.")
        if self.groups is not None and self.group_budgets is not None:
            count = len(self.group_budgets)
            if self.groups.shape != (rows,) or not np.issubdtype(self.groups.dtype, np.integer):
                raise ValueError(f"groups must hold a whole number for each of the {rows} rows.")
            if self.groups.min() < 0 or self.groups.max() >= count or not (self.group_budgets >= 0).all():
                raise ValueError(f"groups must be within 0..{count - 1}, and their budgets zero or more.")

    def solve(self, order: Floats | None = None) -> Allocation:
        """The optimum; O(n K^2), without caps.

        Args:
            order: [n], who comes first among rows whose money is equally well spent: the lowest. Draws of user ids
                (:func:`bethink.tools.budget.assignment.draw`) favour nobody; None: the order of the rows.

        Raises:
            InfeasibleTotal: even the cheapest allocation costs more than the budget, or a group's than its own.
            RuntimeError: HiGHS failed.
        """
        if self.caps is not None:
            return self._by_linear_program()
        ladder = self._ladder()
        taken = _spend(ladder, self.budget - ladder.least, order)
        multiplier, rule = 0.0, PriceRule(0.0, 0.0, 0.0)
        left = (taken < 1) & (ladder.costs > 0)
        if left.any():
            multiplier = float(ladder.slopes[left].max())
            tied = (ladder.slopes == multiplier) & (ladder.costs > 0)
            weight = float(taken[tied] @ ladder.costs[tied] / ladder.costs[tied].sum())
            rule = PriceRule(multiplier, multiplier, weight)
        plain = self.floors is None and self.groups is None
        return self._allocation(ladder.shares(taken), multiplier, rule if plain else None)

    def frontier(self) -> Frontier:
        """The optimal value for every budget, exactly; not with caps.

        Raises:
            InfeasibleTotal: as :meth:`solve`, with the budget that the problem was made with.
            ValueError: there are caps.
        """
        if self.caps is not None:
            raise ValueError("The frontier is not known under caps; solve for the budgets wanted one by one.")
        ladder = self._ladder()
        base = ladder.shares(np.zeros(ladder.costs.shape))
        start = np.einsum("i,ik,ik->", self._users(), base, self.gains)
        steepest = np.argsort(-ladder.slopes, axis=None, kind="stable")
        slopes, costs = ladder.slopes.ravel()[steepest], ladder.costs.ravel()[steepest]
        some = costs > 0
        spent = np.cumsum(costs[some])
        gained = np.cumsum(slopes[some] * costs[some])
        return Frontier(
            np.concatenate([[ladder.least], ladder.least + spent]), np.concatenate([[start], start + gained])
        )

    def _users(self) -> Floats:
        return np.ones(len(self.gains)) if self.users is None else np.asarray(self.users, float)

    def _bounds(self) -> tuple[Floats, Floats]:
        """Floors and caps [n, K]."""
        found = []
        for name, value, default in (("floors", self.floors, 0.0), ("caps", self.caps, 1.0)):
            try:
                found.append(np.broadcast_to(np.asarray(default if value is None else value, float), self.gains.shape))
            except ValueError as error:
                raise ValueError(f"{name} must be [n, K] or [K], with (n, K) = {self.gains.shape}.") from error
        return found[0], found[1]

    def _ladder(self) -> _Ladder:
        """All rows' steps, and what they start from."""
        floors, users = self._bounds()[0], self._users()
        free = np.clip(1.0 - floors.sum(1), 0.0, None)
        steps = hull_steps(self.gains, self.costs)
        base = users * ((floors * self.costs).sum(1) + free * self.costs[np.arange(len(free)), steps.start])
        least = float(base.sum())
        if least > self.budget * (1 + SLACK):
            raise InfeasibleTotal(self.budget, least)
        costs = steps.costs * (users * free)
        parts = np.ones(costs.shape)
        if self.groups is not None and self.group_budgets is not None:
            limits = np.asarray(self.group_budgets, float)
            spent = np.bincount(self.groups, base, len(limits)).astype(float)
            over = spent > limits * (1 + SLACK)
            if over.any():
                group = int(np.argmax(over))
                raise InfeasibleTotal(float(limits[group]), float(spent[group]), f" in group {group}")
            parts = _within(self.groups, steps.slopes, costs, np.maximum(limits - spent, 0.0))
        return _Ladder(floors, free, steps, np.where(parts > 0, steps.slopes, 0.0), costs * parts, parts, least)

    def _allocation(self, shares: Floats, multiplier: float, rule: PriceRule | None) -> Allocation:
        users = self._users()
        cost = float(users @ (shares * self.costs).sum(1))
        gain = float(users @ (shares * self.gains).sum(1))
        return Allocation(shares, gain, cost, multiplier, max(0.0, self.budget - cost), rule)

    def _by_linear_program(self) -> Allocation:
        """With caps: HiGHS; where money is not scarce, once more for the least cost of that gain."""
        users = self._users()[:, None]
        gains, costs = (users * self.gains).ravel(), (users * self.costs).ravel()
        floors, caps = self._bounds()
        bounds = np.stack([floors.ravel(), np.maximum(caps, floors).ravel()], 1)
        money, limits = [costs], [self.budget]
        for group, limit in enumerate([] if self.group_budgets is None else self.group_budgets):
            if np.isfinite(limit):
                money.append(costs * np.repeat(self.groups == group, self.gains.shape[1]))
                limits.append(float(limit))
        for number, (row, limit) in enumerate(zip(money, limits, strict=True)):
            least = _linear_program(row, self.gains.shape, bounds, [], []).fun
            if least > limit * (1 + SLACK):
                raise InfeasibleTotal(limit, least, "" if row is costs else " in a group")
            limits[number] = max(limit, least)
        found = _linear_program(-gains, self.gains.shape, bounds, money, limits)
        multiplier = max(0.0, -float(found.ineqlin.marginals[0]))
        if multiplier <= SLACK * np.abs(gains).max() / max(costs.max(), 1e-300):
            multiplier = 0.0
            found = _linear_program(costs, self.gains.shape, bounds, [*money, -gains], [*limits, found.fun])
        return self._allocation(np.clip(found.x.reshape(self.gains.shape), 0.0, 1.0), multiplier, None)


class _Ladder(NamedTuple):
    """Steps of all rows, above what floors and cheapest options cost; arrays [J, n] as in :class:`Steps`.

    ``parts``: how much of a step its row may take at all; less than one where its group's budget ends at it or before.
    ``costs`` and ``slopes`` are those of that part, for all of a row's users that floors leave ``free`` (a share).
    """

    floors: Floats
    free: Floats
    steps: Steps
    slopes: Floats
    costs: Floats
    parts: Floats
    least: float

    def shares(self, taken: Floats) -> Floats:
        """Shares [n, K] when so much of each step is taken [J, n]."""
        shares = self.floors.copy()
        now = self.steps.start
        shares[np.arange(len(now)), now] += self.free
        for options, slopes, moved in zip(self.steps.options, self.slopes, taken * self.parts * self.free, strict=True):
            rows = np.flatnonzero(moved)
            shares[rows, options[rows]] += moved[rows]
            shares[rows, now[rows]] -= moved[rows]
            now = np.where(slopes > 0, options, now)
        return np.maximum(shares, self.floors)


def _spend(ladder: _Ladder, money: float, order: Floats | None) -> Floats:
    """How much of each step is taken when the steepest ones are, until the money is spent; [J, n].

    Only the steps near the price that is looked for are sorted; histograms of the others' costs narrow them down.
    """
    slopes, costs = ladder.slopes.ravel(), ladder.costs.ravel()
    taken = (costs > 0).astype(float)
    if costs.sum() <= money:
        return taken.reshape(ladder.costs.shape)
    open_ = np.flatnonzero(costs)
    left = money
    while len(open_) > FEW:
        bits = slopes[open_].view(np.int64)  # grow with the slope
        width = (bits.max() - bits.min()) // BINS + 1
        bins = (bits - bits.min()) // width
        spent = np.cumsum(np.bincount(bins, costs[open_], BINS)[::-1])
        last = min(int(np.searchsorted(spent, left, side="right")), BINS - 1)
        inside = bins == BINS - 1 - last
        taken[open_[bins < BINS - 1 - last]] = 0.0
        left -= float(spent[last - 1]) if last else 0.0
        if inside.all():
            break
        open_ = open_[inside]
    rank = -slopes[open_]
    rows = open_ % ladder.costs.shape[1]
    open_ = open_[np.argsort(rank, kind="stable") if order is None else np.lexsort((order[rows], rank))]
    whole = min(int(np.searchsorted(np.cumsum(costs[open_]), left, side="right")), len(open_) - 1)
    taken[open_[whole:]] = 0.0
    full = taken > 0
    taken[open_[whole]] = min(1.0, max(0.0, (money - costs[full].sum()) / costs[open_[whole]]))
    return taken.reshape(ladder.costs.shape)


def _within(groups: Ints, slopes: Floats, costs: Floats, limits: Floats) -> Floats:
    """How much of each step [J, n] fits what its group may still spend, the steepest first."""
    members = np.broadcast_to(groups, costs.shape).ravel()
    sorting = np.lexsort((-slopes.ravel(), members))
    members, money = members[sorting], costs.ravel()[sorting]
    before = np.cumsum(money) - money
    firsts = np.diff(members, prepend=-1) != 0
    before -= np.maximum.accumulate(np.where(firsts, before, 0.0))
    parts = np.zeros(len(money))
    left = np.clip(limits[members] - before, 0.0, None)
    parts[sorting] = np.minimum(np.divide(left, money, out=np.zeros(len(money)), where=money > 0), 1.0)
    return parts.reshape(costs.shape)


def _linear_program(
    objective: Floats, shape: tuple[int, int], bounds: Floats, rows: list[Floats], limits: list[float]
) -> Any:
    """Minimise over shares that sum to one in each row, by HiGHS."""
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron

    sums = kron(eye_array(shape[0]), np.ones((1, shape[1])), format="csr")
    found = linprog(
        objective,
        A_ub=np.stack(rows) if rows else None,
        b_ub=limits or None,
        A_eq=sums,
        b_eq=np.ones(shape[0]),
        bounds=bounds,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not found.success:
        raise RuntimeError(f"HiGHS did not solve the linear program: {found.message}")
    return found
