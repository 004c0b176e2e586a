"""One-shot allocation by the price of money: at which prices a user's best option changes, and how many users' do.

With gains g_k and costs c_k, a price lambda makes option argmax_k g_k - lambda c_k a user's best one. As the price
falls from infinity, the user climbs the upper concave hull of the points (c_k, g_k), from the cheapest option to the
best one; each step has a slope (gain per money) and is worth taking as long as the price is below it. All that a budget
needs to know of millions of users is therefore which steps there are, sorted by slope: exactly in
:mod:`bethink.tools.budget.knapsack`, or in the bins of a :class:`BreakpointHistogram`, in one pass and constant memory.

After the dual of the multiple-choice knapsack problem (Zhao et al. 2019, arXiv 1902.01128).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bethink.tools.budget.cmdp import Floats, Ints
from bethink.tools.budget.ledger import MICRO, MOST, micro_units
from bethink.tools.budget.lp import InfeasibleBudget

BINS = 4_096
BLOCK_ROWS = 16_384
"""Rows at a time, so that what one step needs stays in a processor's cache, and their sums in 64 bits."""
MOST_TOTAL = 1e15
"""The largest budget."""


class InfeasibleTotal(InfeasibleBudget):
    """No allocation is cheap enough; ``minimum`` is the least total budget that one needs."""

    def __init__(self, budget: float, minimum: float, where: str = "") -> None:
        shown, least = (f"{value:,.6f}".rstrip("0").rstrip(".") for value in (budget, minimum))
        ValueError.__init__(self, f"No allocation costs {shown} or less{where}; the least that one needs is {least}.")
        self.budget, self.minimum = budget, minimum


class Steps(NamedTuple):
    """Every row's way up its hull. Step j of a row leads to ``options[j]``; beyond its last step slopes are zero.

    ``start`` [n]: the cheapest option (of equally cheap ones the best, then the lowest number). ``options`` [J, n],
    ``slopes`` [J, n]: gain per money, falling along a row's steps; ``costs`` [J, n]: their money. J is K - 1.
    """

    start: Ints
    options: Ints
    slopes: Floats
    costs: Floats


def hull_steps(gains: Floats, costs: Floats) -> Steps:
    """The upper concave hull of each row's points (cost, gain), both [n, K]; O(n K^2), a row on its own.

    Points on the line between two others are skipped: a step goes as far as its slope reaches.
    """
    rows, options = gains.shape
    shape = (options - 1, rows)
    steps = Steps(np.empty(rows, np.int64), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape))
    for first in range(0, rows, BLOCK_ROWS):
        part = slice(first, first + BLOCK_ROWS)
        _climb(np.ascontiguousarray(gains[part].T), np.ascontiguousarray(costs[part].T), steps, part)
    return steps


def _climb(gains: Floats, costs: Floats, steps: Steps, part: slice) -> None:
    """Fill ``steps`` for some rows; gains and costs are [K, rows]."""
    now = np.where(costs == costs.min(0), gains, -np.inf).argmax(0)
    every = np.arange(costs.shape[1])
    steps.start[part] = now
    steepest = np.full(len(every), np.inf)
    for options, slopes, ways in zip(steps.options, steps.slopes, steps.costs, strict=True):
        gain_now, cost_now = gains[now, every], costs[now, every]
        best, way, to = np.zeros(len(every)), np.zeros(len(every)), now.copy()
        for option, (gain, cost) in enumerate(zip(gains, costs, strict=True)):
            more, dearer = gain - gain_now, cost - cost_now
            upwards = (more > 0) & (dearer > 0)
            slope = np.divide(more, dearer, out=np.zeros(len(every)), where=upwards)
            better = (slope > best) | ((slope == best) & (slope > 0) & (dearer > way))
            best, way = np.where(better, slope, best), np.where(better, dearer, way)
            to[better] = option
        if not best.any():
            return
        steepest = np.minimum(steepest, best)  # rounding must not turn the order of a row's steps
        options[part], slopes[part], ways[part] = to, steepest, way
        now = to


@dataclass(frozen=True)
class PriceRule:
    """Every step steeper than ``high`` is taken; those between ``low`` and ``high`` by a share ``weight`` of the users.

    Needs nothing but a user's own row and draw, so it serves users that were not there when the budget was planned.
    It is a mixture of two deterministic rules, one price each: users who drew less than ``weight`` follow ``low``.
    """

    low: float
    high: float
    weight: float

    def choose(self, gains: Floats, costs: Floats, draws: Floats) -> Ints:
        """The option of each user, int64 [n].

        Args:
            gains: of each option [n, K].
            costs: expected money of each option [n, K].
            draws: in [0, 1) [n], as :func:`bethink.tools.budget.assignment.draw` gives.
        """
        steps = hull_steps(gains, costs)
        lucky = draws < self.weight
        chosen = steps.start
        for options, slopes in zip(steps.options, steps.slopes, strict=True):
            taken = (slopes > self.high) | (lucky & (slopes >= self.low) & (slopes > 0))
            chosen = np.where(taken, options, chosen)
        return chosen


class Streamed(NamedTuple):
    """What a histogram says of a budget.

    The optimal price is within ``rule.low`` and ``rule.high``. ``gain`` and ``cost``: expected totals under the rule.
    ``gap``: no allocation within the budget gains more than this above it, up to the rounding to micro-units.
    """

    rule: PriceRule
    gain: float
    cost: float
    unspent: float
    gap: float


@dataclass(frozen=True, eq=False)
class BreakpointHistogram:
    """How many steps there are by slope, with their money and gain: a monoid under ``+``, equal for any partitioning.

    4,096 bins between ``lowest`` and ``highest`` and one beyond each end; whole numbers throughout. Bins are equally
    wide in the bit pattern of a float, which grows like a logarithm: over 64 octaves (the default) a bin is 1.1 to
    1.6 % wide, over 16 octaves 0.3 to 0.4 %. The same bits on every machine, as no logarithm is taken.

    Example:
        >>> half = BreakpointHistogram.empty().add(np.array([[0.0, 1.0]]), np.array([[0.0, 2.0]]))
        >>> (half + half).plan(2.0).cost
        2.0
    """

    lowest: float
    highest: float
    users: int
    least_cost: int
    least_gain: int
    counts: Ints
    costs: Ints
    gains: Ints

    @classmethod
    def empty(cls, lowest: float = 2.0**-32, highest: float = 2.0**32) -> BreakpointHistogram:
        """No users yet.

        Raises:
            ValueError: not 0 < lowest < highest < infinity, or so close that 4,096 bins do not fit between.
        """
        if not 0 < lowest < highest < np.inf or _bits(highest) - _bits(lowest) < BINS:
            raise ValueError(f"No {BINS} bins fit between the slopes {lowest} and {highest}.")
        none = np.zeros(BINS + 2, np.int64)
        return cls(lowest, highest, 0, 0, 0, none, none, none)

    def add(self, gains: Floats, costs: Floats) -> BreakpointHistogram:
        """With the users of one more batch; gains and costs are [n, K], each user's options.

        Raises:
            ValueError: arrays that do not fit together, values that are not finite or too large, costs below zero.
        """
        check_table(gains, costs)
        found = self
        for first in range(0, len(gains), BLOCK_ROWS):
            part = slice(first, first + BLOCK_ROWS)
            found = found + self._of(gains[part], costs[part])
        return found

    def _of(self, gains: Floats, costs: Floats) -> BreakpointHistogram:
        """Of few enough users that no sum overflows."""
        steps = hull_steps(gains, costs)
        every = np.arange(len(gains))
        money, gain = micro_units(costs, "cost"), micro_units(gains, "gain")
        now = steps.start
        least_cost, least_gain = int(money[every, now].sum()), int(gain[every, now].sum())
        counts, costs_by_bin, gains_by_bin = (np.zeros(BINS + 2, np.int64) for _ in range(3))
        for options, slopes in zip(steps.options, steps.slopes, strict=True):
            rows = np.flatnonzero(slopes)
            before, to, bins = now[rows], options[rows], self._bins(slopes[rows])
            counts += np.bincount(bins, minlength=BINS + 2)
            np.add.at(costs_by_bin, bins, money[rows, to] - money[rows, before])
            np.add.at(gains_by_bin, bins, gain[rows, to] - gain[rows, before])
            now = np.where(slopes > 0, options, now)
        return BreakpointHistogram(
            self.lowest, self.highest, len(gains), least_cost, least_gain, counts, costs_by_bin, gains_by_bin
        )

    def __add__(self, other: BreakpointHistogram) -> BreakpointHistogram:
        """Both histograms' users.

        Raises:
            ValueError: histograms over different slopes.
            OverflowError: sums that 64 bits cannot hold, some 9e12 units of money or gain.
        """
        if (self.lowest, self.highest) != (other.lowest, other.highest):
            raise ValueError(
                f"Histograms over {self.lowest}..{self.highest} and {other.lowest}..{other.highest} do not add up."
            )
        for mine, theirs in ((self.costs, other.costs), (self.gains, other.gains)):
            if mine.sum(dtype=float) + theirs.sum(dtype=float) > 2.0**62:
                raise OverflowError("The sums no longer fit 64 bits as millionths; use greater units.")
        return BreakpointHistogram(
            self.lowest,
            self.highest,
            self.users + other.users,
            self.least_cost + other.least_cost,
            self.least_gain + other.least_gain,
            self.counts + other.counts,
            self.costs + other.costs,
            self.gains + other.gains,
        )

    def plan(self, budget: float) -> Streamed:
        """The rule that spends ``budget`` (a total) in expectation, and how far from the optimum it can be.

        Raises:
            InfeasibleTotal: the cheapest options cost more.
            ValueError: a budget that is NaN, infinite or negative.
        """
        check_total(budget)
        left = int(np.floor(budget * MICRO)) - self.least_cost
        if left < 0:
            raise InfeasibleTotal(budget, self.least_cost / MICRO)
        spent, gained = np.cumsum(self.costs[::-1]), np.cumsum(self.gains[::-1])
        if spent[-1] <= left:
            cost = (self.least_cost + int(spent[-1])) / MICRO
            gain = (self.least_gain + int(gained[-1])) / MICRO
            return Streamed(PriceRule(0.0, 0.0, 0.0), gain, cost, budget - cost, 0.0)
        last = int(np.searchsorted(spent, left, side="right"))
        low, high = self._edges(BINS + 1 - last)
        before = int(spent[last - 1]) if last else 0
        weight = (left - before) / int(spent[last] - before)
        full, rest = (int(gained[last - 1]) if last else 0), int(self.gains[BINS + 1 - last])
        best = min(rest, high * (left - before))
        gain = (self.least_gain + full + weight * rest) / MICRO
        cost = (self.least_cost + left) / MICRO
        return Streamed(PriceRule(low, high, weight), gain, cost, budget - cost, max(0.0, best - weight * rest) / MICRO)

    def narrowed(self, budget: float) -> BreakpointHistogram:
        """An empty histogram over the bin that the optimal price is in, for a second pass; over this one's if in none.

        Raises:
            InfeasibleTotal: as :meth:`plan`.
            ValueError: as :meth:`plan`.
        """
        rule = self.plan(budget).rule
        inner = 0 < rule.low < rule.high < np.inf and _bits(rule.high) - _bits(rule.low) >= BINS
        return BreakpointHistogram.empty(*((rule.low, rule.high) if inner else (self.lowest, self.highest)))

    @property
    def _width(self) -> int:
        """Bit patterns in a bin."""
        return -(-(_bits(self.highest) - _bits(self.lowest)) // BINS)

    def _bins(self, slopes: Floats) -> Ints:
        inner = (slopes.view(np.int64) - _bits(self.lowest)) // self._width
        return np.clip(inner + 1, 0, BINS + 1)

    def _edges(self, number: int) -> tuple[float, float]:
        """The least and the greatest slope of a bin."""
        first = _bits(self.lowest) + (number - 1) * self._width
        low = 0.0 if number == 0 else _float(first)
        return low, np.inf if number == BINS + 1 else _float(first + self._width - 1)


def _bits(value: float) -> int:
    """The bit pattern of a positive float as a number; greater floats have greater ones."""
    return int(np.float64(value).view(np.int64))


def _float(bits: int) -> float:
    return float(np.int64(bits).view(np.float64))


def check_table(gains: NDArray, costs: NDArray) -> None:
    """Refuse gains and costs that are no options of users.

    Raises:
        ValueError: shapes that differ or are not [n, K] with K >= 1, values not finite or beyond 1e8, costs below zero.
    """
    if gains.ndim != 2 or gains.shape != costs.shape or gains.shape[1] < 1:
        raise ValueError(f"gains and costs must both be [users, options]; they are {gains.shape} and {costs.shape}.")
    for name, values in (("gains", gains), ("costs", costs)):
        bad = ~(np.abs(values) <= MOST)
        if bad.any():
            row, option = np.argwhere(bad)[0]
            raise ValueError(
                f"{name}[{row}, {option}] is {values[row, option]}; finite values up to {MOST:g} are needed."
            )
    if (costs < 0).any():
        row, option = np.argwhere(costs < 0)[0]
        raise ValueError(f"costs[{row}, {option}] is {costs[row, option]}; money spent is zero or more.")


def check_total(budget: float) -> None:
    """Refuse what is no total budget.

    Raises:
        ValueError: NaN, infinite, negative or beyond 1e15.
    """
    if not 0 <= budget <= MOST_TOTAL:
        raise ValueError(f"The total budget is {budget}; give a number from zero to {MOST_TOTAL:g}.")
