"""The budget-response curve against the linear program at every budget, and its inverse against the curve."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.chord import Solve, chord_search
from bethink.tools.budget.cmdp import Outcome, TabularCMDP, TabularPolicy
from bethink.tools.budget.curve import BudgetCurve, BudgetPoint, UnreachableTarget, slope, upper_hull
from bethink.tools.budget.environment import tabular
from bethink.tools.budget.lp import InfeasibleBudget, solve_lp
from bethink.tools.budget.oracle import TabularOracle
from bethink.tools.budget.toys import greedy_trap, kink
from tests.tools.budget.processes import processes

CMDP = tabular()
TABLE = {  # spec 7.3: the optimum and the price of money
    1.0: (4.91767, 0.22372),
    2.0: (5.13825, 0.21064),
    4.0: (5.40965, 0.10008),
    6.0: (5.60956, 0.09759),
    8.0: (5.79569, 0.07800),
    12.0: (6.00297, 0.04164),
    18.0: (6.24352, 0.03631),
}


def test_the_table() -> None:
    curve = BudgetCurve(TabularOracle(CMDP), tolerance=1e-9)
    for point, (value, price) in zip(curve.points(list(TABLE)), TABLE.values(), strict=True):
        assert point.value == pytest.approx(value, abs=1e-5)
        assert point.marginal == pytest.approx(price, abs=1e-5)
        assert point.cost == point.budget
        assert point.gap <= 1e-9
        assert (point.low, point.high) == (None, None)
    assert curve.saturation == pytest.approx(55.84, abs=5e-3)
    assert curve.least == 0.0


def test_searches_share_what_they_found() -> None:
    alone = sum(len(chord_search(TabularOracle(CMDP), budget, tolerance=1e-9).trace) for budget in TABLE)
    first = chord_search(TabularOracle(CMDP), 6.0, tolerance=1e-9)
    curve = BudgetCurve(TabularOracle(CMDP), first.trace, tolerance=1e-9)
    assert len(curve.trace) == len(first.trace)
    curve.points(list(TABLE))
    assert len(curve.trace) < 0.7 * alone
    asked = len(curve.trace)
    assert curve.points(list(TABLE)) == curve.points(list(reversed(TABLE)))[::-1]
    assert len(curve.trace) == asked
    assert len({solve.multiplier for solve in curve.trace}) == asked


def test_a_budget_above_saturation_is_not_spent() -> None:
    curve = BudgetCurve(TabularOracle(CMDP))
    point = curve.point(100.0)
    assert point == BudgetPoint(100.0, curve.corners[-1].outcome.reward, curve.saturation, 0.0, 0.0)
    assert curve.point(curve.saturation)[1:] == point[1:]


@settings(max_examples=80, deadline=None)
@given(processes(masked=True), st.lists(st.floats(0.0, 1.3), min_size=1, max_size=4))
def test_it_is_the_linear_programme_at_every_budget(process: TabularCMDP, shares: list[float]) -> None:
    curve = BudgetCurve(TabularOracle(process), tolerance=0.0)
    for share in shares:
        budget = curve.least + share * (curve.saturation - curve.least)
        point, limit = curve.point(budget), solve_lp(process, budget)
        assert point.value == pytest.approx(limit.value, abs=1e-8)
        assert point.cost <= budget + 1e-12
        assert point.gap >= 0
    costs, rewards = zip(*(solve.outcome[::-1] for solve in curve.corners), strict=True)
    assert (np.diff(costs) > 0).all()
    assert (np.diff(rewards) > 0).all()
    slopes = [slope(*pair) for pair in pairwise(curve.corners)]
    assert all(first > second for first, second in pairwise(slopes))


@settings(max_examples=80, deadline=None)
@given(processes(masked=True), st.floats(0.0, 1.0))
def test_the_inverse_question(process: TabularCMDP, share: float) -> None:
    curve = BudgetCurve(TabularOracle(process), tolerance=0.0)
    lowest, most = curve.corners[0].outcome.reward, curve.corners[-1].outcome.reward
    target = lowest + share * (most - lowest)
    point = curve.min_budget_for(target)
    assert point.value == pytest.approx(target, abs=1e-8)
    assert solve_lp(process, point.budget + 1e-12).value == pytest.approx(target, abs=1e-7)
    if target - 1e-3 > lowest:
        assert curve.point(max(curve.least, point.budget - 1e-4)).value < target


def test_the_inverse_of_the_table() -> None:
    curve = BudgetCurve(TabularOracle(CMDP), tolerance=1e-9)
    for budget, (value, price) in TABLE.items():
        assert curve.min_budget_for(value).budget == pytest.approx(budget, abs=1e-5 / price)


def test_a_target_below_what_costs_nothing_needs_the_least() -> None:
    dear = TabularCMDP(CMDP.reward, CMDP.cost + 1.0, CMDP.transition, CMDP.initial, CMDP.horizon)
    point = BudgetCurve(TabularOracle(dear), tolerance=1e-9).min_budget_for(1.0)
    assert point.budget == pytest.approx(12.0)
    assert point.value == pytest.approx(4.53376, abs=1e-5)


def test_a_target_that_no_budget_reaches() -> None:
    curve = BudgetCurve(TabularOracle(CMDP))
    with pytest.raises(UnreachableTarget, match=r"the most is 6\.44559, from 55\.84") as error:
        curve.min_budget_for(7.0)
    assert error.value.saturation == curve.saturation
    assert curve.min_budget_for(error.value.most).budget == pytest.approx(curve.saturation)
    for target in (math.nan, math.inf):
        with pytest.raises(ValueError, match="give a number"):
            curve.min_budget_for(target)


def test_the_toys() -> None:
    curve = BudgetCurve(TabularOracle(kink()), tolerance=0.0)
    assert curve.point(0.25)[:4] == (0.25, 0.25, 0.25, 1.0)
    assert curve.min_budget_for(0.75).budget == 0.75
    trap = BudgetCurve(TabularOracle(greedy_trap(5)), tolerance=0.0)
    assert trap.point(0.5).value == pytest.approx(1.0)
    assert trap.point(0.25).marginal == pytest.approx(2.0)  # 5 weeks with probability 2/5 for a coupon


def test_no_amount_helps() -> None:
    process = TabularCMDP(np.zeros((1, 2)), np.array([[0.0, 1.0]]), np.ones((1, 2, 1)), np.ones(1), 3)
    curve = BudgetCurve(TabularOracle(process))
    assert curve.saturation == 0.0
    assert curve.point(5.0)[:4] == (5.0, 0.0, 0.0, 0.0)
    with pytest.raises(UnreachableTarget):
        curve.min_budget_for(0.1)
    assert curve.min_budget_for(0.0).budget == 0.0


def test_what_is_refused() -> None:
    dear = TabularCMDP(CMDP.reward, CMDP.cost + 1.0, CMDP.transition, CMDP.initial, CMDP.horizon)
    with pytest.raises(InfeasibleBudget) as error:
        BudgetCurve(TabularOracle(dear)).point(3.0)
    assert error.value.minimum == pytest.approx(12.0)
    curve = BudgetCurve(TabularOracle(CMDP))
    for budget in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="zero or more"):
            curve.point(budget)
    for replicates in ([[1.0, 2.0]], [1.0, 2.0], [[1.0], [2.0]], [[1.0, math.nan], [1.0, 2.0]]):
        with pytest.raises(ValueError, match="replicates"):
            curve.points([1.0, 2.0], replicates)


def test_intervals_are_quantiles_of_the_replicates() -> None:
    replicates = np.arange(101)[:, None] + np.array([0.0, 1000.0])
    points = BudgetCurve(TabularOracle(CMDP)).points([1.0, 2.0], replicates, level=0.9)
    assert [point.low for point in points] == pytest.approx([5.0, 1005.0])
    assert [point.high for point in points] == pytest.approx([95.0, 1095.0])


points = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=15)


@settings(max_examples=200, deadline=None)
@given(points)
def test_the_hull_is_the_least_concave_curve_above_all_points(places: list[tuple[int, int]]) -> None:
    policy = TabularPolicy(np.zeros((1, 1), np.int64))
    hull = upper_hull([Solve(0.0, policy, Outcome(float(reward), float(cost))) for cost, reward in places])
    costs = [solve.outcome.cost for solve in hull]
    rewards = [solve.outcome.reward for solve in hull]
    assert costs[0] == min(cost for cost, _ in places)
    assert rewards[-1] == max(reward for _, reward in places)
    assert set(zip(costs, rewards, strict=True)) <= {(float(cost), float(reward)) for cost, reward in places}
    for cost, reward in places:  # numpy's own interpolation, flat to the right
        assert reward <= np.interp(cost, costs, rewards) + 1e-9
    slopes = np.diff(rewards) / np.diff(costs)
    assert (slopes > 0).all()
    assert (np.diff(slopes) < 0).all()


def test_progress_may_stop_and_few_solves_leave_a_gap() -> None:
    with pytest.raises(KeyboardInterrupt):
        BudgetCurve(TabularOracle(CMDP), progress=lambda solve: (_ for _ in ()).throw(KeyboardInterrupt()))
    curve = BudgetCurve(TabularOracle(CMDP), tolerance=0.0, max_solves=2)
    point = curve.point(6.0)
    assert len(curve.trace) == 4
    assert point.value < TABLE[6.0][0] - 1e-3
    assert point.value + point.gap >= TABLE[6.0][0] - 1e-5
