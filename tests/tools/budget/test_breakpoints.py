from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bethink.tools.budget.assignment import draw
from bethink.tools.budget.breakpoints import BINS, BreakpointHistogram, InfeasibleTotal, PriceRule, hull_steps
from bethink.tools.budget.knapsack import KnapsackDual

few = st.integers(0, 2**32 - 1)


def users(count, seed=0):
    """Gains and costs like those of coupons: more money, more and less additional reward."""
    rng = np.random.default_rng(seed)
    amounts = np.array([0.0, 2, 5, 10])
    chances = rng.uniform(0, 0.5, (count, 1)) + rng.uniform(0, 0.2, (count, 1)) * np.log1p(amounts)
    chances = np.clip(chances + rng.normal(0, 0.03, (count, 4)), 0.01, 1)
    return chances - chances[:, :1], 0.9 * amounts * chances


def same(one, other):
    numbers = ("lowest", "highest", "users", "least_cost", "least_gain")
    return all(getattr(one, name) == getattr(other, name) for name in numbers) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("counts", "costs", "gains")
    )


@settings(max_examples=200, deadline=None)
@given(few, st.integers(1, 6))
def test_a_walk_up_the_hull_is_the_best_option_at_every_price(seed, options):
    rng = np.random.default_rng(seed)
    gains, costs = rng.integers(-3, 7, (5, options)) / 3, rng.integers(0, 5, (5, options)) / 7
    steps = hull_steps(gains, costs)
    assert (np.diff(steps.slopes, axis=0) <= 0).all()
    for price in [*rng.uniform(0, 8, 10), 0.0, 1e9]:
        worth = (gains - price * costs).max(1)
        chosen = PriceRule(price, price, 0.0).choose(gains, costs, np.zeros(5))
        every = np.arange(5)
        got = gains[every, chosen] - price * costs[every, chosen]
        if price < 1e9:
            np.testing.assert_allclose(got, worth, atol=1e-9)
        else:
            assert (costs[every, chosen] == costs.min(1)).all()


def test_options_on_a_line_between_two_others_are_skipped():
    steps = hull_steps(np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 2.0]]))
    assert (steps.start.tolist(), steps.options[0].tolist()) == ([0], [2])
    assert steps.slopes.tolist() == [[1.0], [0.0]]
    assert steps.costs.tolist() == [[2.0], [0.0]]


def test_ties_go_to_the_cheaper_option():
    gains, costs = np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 2.0]])
    assert PriceRule(1.0, 1.0, 0.0).choose(gains, costs, np.zeros(1)).tolist() == [0]
    assert PriceRule(1.0, 1.0, 0.5).choose(gains, costs, np.array([0.49])).tolist() == [2]
    assert PriceRule(0.0, 0.0, 1.0).choose(np.zeros((1, 2)), np.array([[1.0, 0.0]]), np.zeros(1)).tolist() == [1]


@settings(max_examples=30, deadline=None)
@given(few, st.lists(st.integers(0, 400), max_size=6))
def test_any_partitioning_gives_the_same_histogram(seed, cuts):
    gains, costs = users(400, seed)
    whole = BreakpointHistogram.empty().add(gains, costs)
    borders = [0, *sorted(cuts), 400]
    parts = [BreakpointHistogram.empty().add(gains[a:b], costs[a:b]) for a, b in pairwise(borders)]
    assert same(whole, sum(parts, BreakpointHistogram.empty()))
    assert same(whole, sum(reversed(parts), BreakpointHistogram.empty()))
    assert whole.users == 400


@settings(max_examples=40, deadline=None)
@given(few, st.floats(0, 1.2))
def test_the_plan_brackets_the_optimum(seed, part):
    gains, costs = users(300, seed)
    least, most = costs.min(1).sum(), costs.max(1).sum()
    budget = float(least + part * (most - least)) + 1e-3
    exact = KnapsackDual(gains, costs, budget).solve()
    found = BreakpointHistogram.empty().add(gains, costs).plan(budget)
    assert found.rule.low <= exact.multiplier <= found.rule.high
    rounding = 300 * 4e-6
    assert found.gain <= exact.gain + rounding
    assert exact.gain <= found.gain + found.gap + rounding
    assert found.cost + found.unspent == pytest.approx(budget)
    assert found.cost == pytest.approx(exact.cost, abs=rounding)


def test_a_bin_is_narrow_and_a_second_pass_is_finer():
    gains, costs = users(20_000)
    exact = KnapsackDual(gains, costs, 20_000.0).solve()
    first = BreakpointHistogram.empty().add(gains, costs)
    rule = first.plan(20_000.0).rule
    assert rule.high / rule.low - 1 < 0.016
    known = BreakpointHistogram.empty(2.0**-12, 2.0**4).add(gains, costs).plan(20_000.0).rule
    assert known.low <= exact.multiplier <= known.high
    assert known.high / known.low - 1 < 0.004
    second = first.narrowed(20_000.0).add(gains, costs).plan(20_000.0)
    assert second.rule.low <= exact.multiplier <= second.rule.high
    assert second.rule.high / second.rule.low - 1 < 0.016 / BINS * 2
    assert second.gain == pytest.approx(exact.gain, abs=0.02)
    assert same(BreakpointHistogram.empty(), BreakpointHistogram.empty().narrowed(1.0))


def test_the_rule_of_a_plan_costs_what_the_plan_says():
    gains, costs = users(50_000)
    plan = BreakpointHistogram.empty(0.001, 1.0).add(gains, costs).plan(40_000.0)
    chosen = plan.rule.choose(gains, costs, draw(np.arange(50_000), "spring"))
    every = np.arange(50_000)
    assert plan.cost == pytest.approx(40_000, abs=1e-5)
    assert costs[every, chosen].sum() == pytest.approx(40_000, rel=2e-3)
    assert gains[every, chosen].sum() == pytest.approx(plan.gain, rel=2e-3)


def test_slopes_beyond_the_bins_still_count():
    gains, costs = users(5_000)
    for lowest, highest in ((1e3, 1e4), (1e-9, 1e-8)):
        plan = BreakpointHistogram.empty(lowest, highest).add(gains, costs).plan(3_000.0)
        exact = KnapsackDual(gains, costs, 3_000.0).solve()
        assert plan.rule.low <= exact.multiplier <= plan.rule.high
        assert plan.cost == pytest.approx(3_000, abs=1e-5)
        assert plan.gain <= exact.gain <= plan.gain + plan.gap + 0.01


def test_budgets_below_the_least_cost_and_bad_input_are_refused():
    costs = np.array([[2.0, 3.0], [1.0, 5.0]])
    histogram = BreakpointHistogram.empty().add(costs, costs)
    with pytest.raises(InfeasibleTotal) as refused:
        histogram.plan(2.0)
    assert refused.value.minimum == 3.0
    assert histogram.plan(3.0).cost == 3.0
    with pytest.raises(ValueError, match="total budget"):
        histogram.plan(np.nan)
    with pytest.raises(ValueError, match="do not add up"):
        histogram + BreakpointHistogram.empty(1.0, 2.0)
    with pytest.raises(ValueError, match=r"gains\[0, 0\]"):
        histogram.add(np.array([[np.nan]]), np.array([[1.0]]))
    for span in ((0.0, 1.0), (2.0, 1.0), (1.0, np.inf), (np.nan, 1.0), (1.0, np.nextafter(1.0, 2.0))):
        with pytest.raises(ValueError, match="bins fit"):
            BreakpointHistogram.empty(*span)


def test_sums_that_do_not_fit_are_refused_rather_than_wrong():
    histogram = BreakpointHistogram.empty().add(np.array([[0.0, 1e8]] * 30_000), np.array([[0.0, 1e8]] * 30_000))
    with pytest.raises(OverflowError):
        histogram + histogram
